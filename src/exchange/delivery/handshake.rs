//! The handshake: ready, delivered, accepted.
//!
//! The paid clock starts with the acceptance; minutes between the start of the window and it are not delivered.

use std::sync::Arc;

use super::super::book::Book;
use super::super::command::Access;
use super::super::{Exchange, Failure, Made, Reject, life};
use crate::exchange::check_text;
use crate::types::limits::ACCESS_CHARS_MAX;
use crate::types::{ContractId, ContractStatus, OrganizationId, Slot};

/// How the public keys begin that a secret can be sealed to.
const KEY_KINDS: [&str; 4] = ["age1", "ssh-ed25519 ", "ssh-rsa ", "ecdsa-sha2-nistp256 "];

impl<B: Book> Exchange<B> {
    /// Registers the public key that secrets for an organization are sealed to from now on.
    pub(in crate::exchange) fn register_access_key(
        &mut self,
        organization: OrganizationId,
        key: &str,
    ) -> Result<Made, Failure> {
        self.organizations.get(&organization).ok_or(Reject::NotFound)?;
        let known = KEY_KINDS.iter().any(|kind| key.starts_with(kind));
        if !known || !is_access_text(key) {
            return Err(Reject::InvalidText.into());
        }
        if let Some(row) = self.organizations.get_mut(&organization) {
            row.access_key = Some(key.to_owned());
        }
        self.events.push(super::Event::AccessKeyRegistered { organization });
        Ok(Made::Organization(organization))
    }

    /// The provider says that the GPUs stand by.
    pub(in crate::exchange) fn declare_ready(
        &mut self,
        organization: OrganizationId,
        id: ContractId,
    ) -> Result<Made, Failure> {
        let status = self.provided_by(organization, id)?.status;
        life::require(status, ContractStatus::Ready)?;
        self.begin_delivery(id)?;
        let now = self.now();
        self.delivery_mut(id)?.ready_at = Some(now);
        self.restate(id)?;
        Ok(Made::Contract(id))
    }

    /// The provider hands access over, sealed to the buyer's key; in use, it replaces what was handed over before.
    pub(in crate::exchange) fn deliver_access(
        &mut self,
        organization: OrganizationId,
        id: ContractId,
        access: &Access,
    ) -> Result<Made, Failure> {
        let contract = self.provided_by(organization, id)?;
        let (status, buyer) = (contract.status, contract.buyer);
        let in_use = matches!(status, ContractStatus::Active | ContractStatus::Degraded | ContractStatus::Disputed);
        if !in_use {
            life::require(status, ContractStatus::Delivered)?;
        }
        let Access { host, host_key, user, sealed_secret, recipient, .. } = access;
        if ![host, user].into_iter().all(|text| check_text(text).is_ok())
            || ![host_key, sealed_secret].into_iter().all(|text| is_access_text(text))
        {
            return Err(Reject::InvalidText.into());
        }
        let key = self.organizations.get(&buyer).and_then(|row| row.access_key.as_ref());
        if key.ok_or(Reject::NoAccessKey)? != recipient {
            return Err(Reject::WrongRecipient.into());
        }
        self.begin_delivery(id)?;
        // The first slot that lies wholly in the time to come.
        let first_slot = Slot::end_of(self.first_open());
        let delivery = self.delivery_mut(id)?;
        delivery.access = Some(Arc::new(access.clone()));
        if delivery.accepted_from.is_none() {
            delivery.delivered_at = Some(first_slot);
        }
        self.restate(id)?;
        self.events.push(super::Event::AccessDelivered { contract: id });
        Ok(Made::Contract(id))
    }

    /// The buyer accepts what was handed over: the paid clock starts with the next minute.
    pub(in crate::exchange) fn accept_delivery(
        &mut self,
        organization: OrganizationId,
        id: ContractId,
    ) -> Result<Made, Failure> {
        self.require_waiting(organization, id)?;
        let from = self.first_open();
        self.delivery_mut(id)?.accepted_from = Some(from);
        self.restate(id)?;
        self.rearm(id)?;
        Ok(Made::Contract(id))
    }

    /// The buyer sends back what was handed over.
    pub(in crate::exchange) fn object_delivery(
        &mut self,
        organization: OrganizationId,
        id: ContractId,
        reason: &str,
    ) -> Result<Made, Failure> {
        self.require_waiting(organization, id)?;
        check_text(reason)?;
        let delivery = self.delivery_mut(id)?;
        (delivery.access, delivery.delivered_at) = (None, None);
        self.restate(id)?;
        Ok(Made::Contract(id))
    }

    /// Refuses unless access was handed over to this buyer and waits for an answer.
    fn require_waiting(&self, organization: OrganizationId, id: ContractId) -> Result<(), Reject> {
        let contract = self.bought_by(organization, id)?;
        let waits = self.deliveries.get(&id).is_some_and(|row| row.access.is_some() && row.accepted_from.is_none());
        if contract.status.is_live() && waits { Ok(()) } else { Err(Reject::IllegalTransition) }
    }
}

/// Tells whether a text can be a key or a sealed secret: armour has lines, so only other controls are refused.
fn is_access_text(text: &str) -> bool {
    let plain = |char: char| !char.is_control() || char == '\n';
    !text.trim().is_empty() && text.chars().count() <= ACCESS_CHARS_MAX && text.chars().all(plain)
}
