-- Who sold a contract before: asked for by whoever is no party of it any more. Passes are few beside trades.
CREATE INDEX contract_passes_contract_index ON contract_passes (contract, number);
