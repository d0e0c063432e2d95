-- Commands that hand out links, and `doctor`, know where the service that runs is reached.
ALTER TABLE components ADD COLUMN public_address TEXT;
ALTER TABLE components ADD COLUMN listens_at TEXT;

COMMENT ON COLUMN components.public_address IS 'Where people reach its pages, without a slash at the end; NULL: it serves none.';
COMMENT ON COLUMN components.listens_at IS 'IP address and port that it listens at; NULL: it serves no pages.';
