DROP FUNCTION watch_verdict;
DROP FUNCTION watch_label;
