-- On top of pictures.sql: the catalog's rows, one open round over two images with what was said in it, a threshold.

INSERT INTO catalog (generation_id, image_id, watch_confidence, quality_mean, quality_std, listing_key, width, height,
                     ingested_at, filename)
SELECT g.id, i.id, w.confidence, q.mean, q.std, i.listing_key, i.width, i.height, i.ingested_at, s.path_text
FROM images i CROSS JOIN generations g
JOIN sightings s ON s.image_id = i.id AND s.state = 'imported' AND s.superseded_at IS NULL
LEFT JOIN watch_predictions w ON w.image_id = i.id
LEFT JOIN quality_predictions q ON q.image_id = i.id;
INSERT INTO listings (generation_id, key, images, best_image, best_mean)
SELECT id, '68428', 2, '01900000-0000-7000-8000-000000000001', 5.5 FROM generations;

INSERT INTO guides (name, version, body) VALUES ('photographs', 1, 'Judge the photograph, not the watch.');
INSERT INTO rounds (title, guide_id, asks_quality, watch_question, judgements_per_image, state, opened_at)
SELECT 'First round', id, TRUE, 'watch', 3, 'open', now() FROM guides;
INSERT INTO round_images (round_id, image_id, position, drawn_why, drawn_probability)
SELECT r.id, i.id, row_number() OVER (ORDER BY i.id) - 1, 'random', 0.5 FROM rounds r CROSS JOIN images i WHERE NOT i.audit;
INSERT INTO votes (image_id, annotator_id, round_id, score, saw_model, saw_others, served_why, client_key)
SELECT ri.image_id, a.id, ri.round_id, 7, FALSE, FALSE, 'random', gen_random_uuid()
FROM round_images ri CROSS JOIN annotators a WHERE a.role = 'annotator';
INSERT INTO label_imports (image_id, is_watch, source)
VALUES ('01900000-0000-7000-8000-000000000001', TRUE, 'labels.csv');
INSERT INTO threshold_settings (model_id, value, objective) SELECT id, 0.5, 'manifest' FROM models WHERE task = 'watch';
