ALTER TABLE components DROP COLUMN listens_at;
ALTER TABLE components DROP COLUMN public_address;
