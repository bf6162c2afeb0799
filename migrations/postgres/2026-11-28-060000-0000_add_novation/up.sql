-- Whom a contract was taken over from, and what others took over from it; nothing for most.
ALTER TABLE contract_states ADD COLUMN novation TEXT;
