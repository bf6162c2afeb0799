ALTER TABLE listings DROP COLUMN rights;
