DROP TABLE human_scores;
DROP TABLE human_score_runs;
DROP TABLE rescore_runs;
DROP TABLE threshold_settings;
