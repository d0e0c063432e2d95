-- Three images (the third in the audit set), five current paths and a closed one, two models, one generation.

INSERT INTO annotators (id, name, role) VALUES
    ('01900000-0000-7000-8000-0000000000a1', 'Ada', 'annotator'),
    ('01900000-0000-7000-8000-0000000000a2', 'Ben', 'annotator'),
    ('01900000-0000-7000-8000-0000000000a3', 'Cleo', 'annotator'),
    ('01900000-0000-7000-8000-0000000000b1', 'Mia', 'manager');

INSERT INTO images (id, sha256, bytes, format, width, height, listing_key, audit) VALUES
    ('01900000-0000-7000-8000-000000000001', sha256('first'), 100, 'jpeg', 500, 375, '68428', FALSE),
    ('01900000-0000-7000-8000-000000000002', sha256('second'), 200, 'png', 640, 480, '68428', FALSE),
    ('01900000-0000-7000-8000-000000000003', sha256('third'), 300, 'webp', 10, 20, NULL, TRUE);

INSERT INTO sightings (root, path, path_text, size_bytes, mtime_ns, ctime_ns, sha256, image_id, state, reason) VALUES
    ('/drop', '68428_1.jpg', '68428_1.jpg', 100, 1, 1, sha256('first'), '01900000-0000-7000-8000-000000000001', 'imported', NULL),
    ('/drop', '68428_2.png', '68428_2.png', 200, 1, 1, sha256('second'), '01900000-0000-7000-8000-000000000002', 'imported', NULL),
    ('/drop', '\x616263ff', 'abc' || U&'\FFFD', 300, 1, 1, sha256('third'), '01900000-0000-7000-8000-000000000003', 'imported', NULL),
    ('/drop', 'again.jpg', 'again.jpg', 100, 1, 1, sha256('first'), '01900000-0000-7000-8000-000000000001', 'duplicate', NULL),
    ('/drop', 'empty.jpg', 'empty.jpg', 0, 1, 1, NULL, NULL, 'failed', 'the file is empty (0 bytes)');
INSERT INTO sightings (root, path, path_text, size_bytes, mtime_ns, ctime_ns, sha256, image_id, state, superseded_at, moved_to)
SELECT '/drop', 'old.jpg', 'old.jpg', 100, 1, 1, sha256, image_id, 'imported', now(), id
FROM sightings WHERE path_text = '68428_1.jpg';

INSERT INTO models (name, task, kind, fingerprint, preprocessing, manifest, sha256, positives) VALUES
    ('watches', 'watch', 'onnx', repeat('a', 64), 1, '{}', sha256('watches'), '{analog clock,digital watch}'),
    ('beauty', 'quality', 'onnx', repeat('b', 64), 1, '{}', sha256('beauty'), '{}');
INSERT INTO generations (watch_model, quality_model, state)
SELECT w.id, q.id, 'live' FROM models w, models q WHERE w.task = 'watch' AND q.task = 'quality';
INSERT INTO active_generation (generation_id) SELECT id FROM generations;

INSERT INTO scorings (image_id, model_id, state)
SELECT i.id, m.id, CASE WHEN i.audit THEN 'pending' ELSE 'done' END FROM images i CROSS JOIN models m;
INSERT INTO watch_predictions (image_id, model_id, confidence, positives)
SELECT i.id, m.id, 0.75, '{0.5,0.25}' FROM images i, models m WHERE m.task = 'watch' AND NOT i.audit;
INSERT INTO quality_predictions (image_id, model_id, bins, mean, std)
SELECT i.id, m.id, array_fill(0.1::DOUBLE PRECISION, '{10}'), 5.5, 2.8722813232690143
FROM images i, models m WHERE m.task = 'quality' AND NOT i.audit;
INSERT INTO embeddings (image_id, model_id, values)
SELECT i.id, m.id, '\x003c00c0' FROM images i, models m WHERE m.task = 'quality' AND NOT i.audit;
