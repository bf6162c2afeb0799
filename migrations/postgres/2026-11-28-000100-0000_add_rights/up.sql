-- Who owns listed capacity, what a resale pays them, how far it may be resold; canonical JSON, null if nothing is agreed.
ALTER TABLE listings ADD COLUMN rights TEXT;
