DROP FUNCTION round_image_is_open;
DROP VIEW human_votes;
DROP TABLE image_views;
ALTER TABLE skips DROP CONSTRAINT skips_once, DROP COLUMN withdrawn_at, DROP COLUMN client_key, DROP COLUMN kind;
DROP INDEX reservations_to_repeat;
DELETE FROM reservations WHERE state <> 'held';
ALTER TABLE reservations DROP COLUMN served_probability, DROP COLUMN served_why, DROP COLUMN to_repeat, DROP COLUMN ordinal,
    DROP COLUMN position, DROP COLUMN state;
COMMENT ON TABLE reservations IS 'Images handed to an annotator until a time, so that no image is judged too often.';
COMMENT ON INDEX reservations_expires_at IS 'Serves: deletion of expired reservations.';
ALTER TABLE round_annotators DROP COLUMN served;
DROP INDEX round_images_judged;
ALTER TABLE round_images DROP COLUMN judged;
ALTER TABLE rounds DROP COLUMN drawn_from, DROP COLUMN deadline, DROP COLUMN serving_order;
