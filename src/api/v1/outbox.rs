//! What waits to be sent to one client of a stream: bounded, so that one who does not read costs no more than that.

use actix_web::web::Bytes;
use futures_util::Stream;
use futures_util::future::poll_fn;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::types::limits::STREAM_BEHIND_BYTES_MAX;

/// The end that is written to.
#[derive(Debug, Clone, Default)]
pub struct Outbox(Rc<RefCell<Waiting>>);

/// The end that is sent from. Whatever it holds is dropped with it.
#[derive(Debug)]
pub struct Outgoing<T> {
    outbox: Outbox,
    _held: T,
}

/// The client is too far behind.
#[derive(Debug, PartialEq, Eq)]
pub struct Behind;

#[derive(Debug, Default)]
struct Waiting {
    events: VecDeque<Bytes>,
    bytes: usize,
    has_ended: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Outbox {
    /// Adds an event. One that is longer than may wait, such as a snapshot, is taken by a client who has read everything.
    ///
    /// # Errors
    /// [`Behind`] if too much would wait.
    pub fn push(&self, event: String) -> Result<(), Behind> {
        let mut waiting = self.0.borrow_mut();
        let bytes = waiting.bytes.saturating_add(event.len());
        if waiting.bytes > 0 && bytes > STREAM_BEHIND_BYTES_MAX {
            return Err(Behind);
        }
        waiting.bytes = bytes;
        waiting.events.push_back(Bytes::from(event));
        waiting.wake();
        Ok(())
    }

    /// Waits until the client has read everything.
    pub async fn emptied(&self) {
        poll_fn(|context| {
            let mut waiting = self.0.borrow_mut();
            if waiting.events.is_empty() {
                return Poll::Ready(());
            }
            waiting.writer = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Ends the stream after what waits.
    pub fn end(&self) {
        let mut waiting = self.0.borrow_mut();
        waiting.has_ended = true;
        waiting.wake();
    }

    /// Ends the stream with an event in place of everything that waits.
    pub fn end_with(&self, event: String) {
        let mut waiting = self.0.borrow_mut();
        waiting.events.clear();
        waiting.bytes = event.len();
        waiting.events.push_back(Bytes::from(event));
        waiting.has_ended = true;
        waiting.wake();
    }

    /// Returns the end that is sent from, with what lives as long as it.
    pub fn outgoing<T>(&self, held: T) -> Outgoing<T> {
        Outgoing { outbox: self.clone(), _held: held }
    }
}

impl Waiting {
    fn wake(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

impl<T: Unpin> Stream for Outgoing<T> {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut waiting = self.outbox.0.borrow_mut();
        match waiting.events.pop_front() {
            Some(event) => {
                waiting.bytes = waiting.bytes.saturating_sub(event.len());
                if waiting.events.is_empty()
                    && let Some(writer) = waiting.writer.take()
                {
                    writer.wake();
                }
                Poll::Ready(Some(Ok(event)))
            }
            None if waiting.has_ended => Poll::Ready(None),
            None => {
                waiting.reader = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{FutureExt, StreamExt};

    fn sent(outgoing: &mut Outgoing<()>) -> Vec<usize> {
        std::iter::from_fn(|| outgoing.next().now_or_never().flatten()).map(|event| event.unwrap().len()).collect()
    }

    #[test]
    fn so_much_may_wait_and_no_more() {
        let outbox = Outbox::default();
        let mut outgoing = outbox.outgoing(());
        outbox.push("x".repeat(STREAM_BEHIND_BYTES_MAX - 1)).unwrap();
        outbox.push("x".to_owned()).unwrap();
        assert_eq!(outbox.push("x".to_owned()), Err(Behind));
        assert_eq!(sent(&mut outgoing), [STREAM_BEHIND_BYTES_MAX - 1, 1]);
        outbox.push("x".repeat(2 * STREAM_BEHIND_BYTES_MAX)).unwrap();
        assert_eq!(outbox.push("x".to_owned()), Err(Behind));
        assert_eq!(sent(&mut outgoing), [2 * STREAM_BEHIND_BYTES_MAX]);
        outbox.push("x".to_owned()).unwrap();
    }

    #[test]
    fn whoever_waits_goes_on_when_everything_is_read() {
        let outbox = Outbox::default();
        let mut outgoing = outbox.outgoing(());
        assert!(outbox.emptied().now_or_never().is_some());
        outbox.push("x".to_owned()).unwrap();
        outbox.push("x".to_owned()).unwrap();
        let mut emptied = Box::pin(outbox.emptied());
        assert!((&mut emptied).now_or_never().is_none());
        assert_eq!(sent(&mut outgoing), [1, 1]);
        assert!(emptied.now_or_never().is_some());
    }

    #[test]
    fn the_end_comes_after_what_waits_or_in_its_place() {
        for (in_place, expected) in [(false, vec![2, 3]), (true, vec![5])] {
            let outbox = Outbox::default();
            let mut outgoing = outbox.outgoing(());
            outbox.push("aa".to_owned()).unwrap();
            outbox.push("bbb".to_owned()).unwrap();
            if in_place {
                outbox.end_with("ccccc".to_owned())
            } else {
                outbox.end()
            }
            assert_eq!(sent(&mut outgoing), expected);
            assert!(matches!(outgoing.next().now_or_never(), Some(None)));
        }
    }
}
