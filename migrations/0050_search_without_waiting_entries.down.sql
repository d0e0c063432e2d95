ALTER INDEX catalog_names RESET (gin_pending_list_limit);
