-- A label that was brought in from outside counts where nobody here has said anything that does.
CREATE OR REPLACE FUNCTION watch_verdict(image UUID, corrections_needed INT DEFAULT 2, asked TEXT DEFAULT 'watch')
RETURNS BOOLEAN LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH current AS (
        SELECT c.id, c.annotator_id, c.kind, c.is_watch, c.created_at
        FROM corrections c JOIN annotators a ON a.id = c.annotator_id
        WHERE c.image_id = image AND c.question = asked AND c.occurrence = 0
          AND c.superseded_at IS NULL AND a.excluded_at IS NULL
    ), answers AS (
        SELECT DISTINCT ON (annotator_id) is_watch FROM current
        WHERE kind = 'answer' ORDER BY annotator_id, created_at DESC, id DESC
    )
    SELECT COALESCE(
        (SELECT is_watch FROM current WHERE kind = 'verdict' ORDER BY created_at DESC, id DESC LIMIT 1),
        (SELECT CASE WHEN count(*) >= corrections_needed AND avg(is_watch::INT) <> 0.5 THEN avg(is_watch::INT) > 0.5 END
         FROM answers),
        (SELECT l.is_watch FROM label_imports l
         WHERE l.image_id = image AND l.question = asked AND l.superseded_at IS NULL
         ORDER BY l.imported_at DESC, l.id DESC LIMIT 1))
$$;
COMMENT ON FUNCTION watch_verdict IS
    'The latest verdict of a manager, else the majority of the annotators'' current answers, once there are enough and no tie, else the latest imported label; else null. Each annotator counts once, by the latest answer; excluded ones and silent repeats never.';
