-- What a bid's buyer would pay per GPU-hour for the rest if the seller defaults; nothing for one that does not ask.
ALTER TABLE orders ADD COLUMN cover BIGINT;
