//! What the value of a setting must be, for the sentence that refuses another one.

/// What `key` must be; none where the error itself says it.
pub(super) fn must_be(key: &str) -> Option<&'static str> {
    Some(match key {
        "ingest_mode" => "reference, copy or move",
        "provider" => "cpu, openvino or cuda",
        "offline" | "demo" => "true or false",
        "listen" => "an IP address with a port, such as 127.0.0.1:8080",
        "public_url" => PUBLIC_URL,
        "minimum_age_ms" | "sweep_interval_ms" | "worker_heartbeat_ms" | "worker_dead_after_ms" => {
            "a whole number of milliseconds"
        }
        "max_file_mib" | "decode_budget_mib" => "a whole number of MiB, at least 1",
        "max_megapixels" => "a whole number of megapixels, at least 1",
        "database_connections"
        | "decode_threads"
        | "score_threads"
        | "score_copies"
        | "batch"
        | "score_jobs"
        | "corrections_needed" => "a whole number, at least 1",
        _ => return None,
    })
}

/// What `CHRONOGRADE_PUBLIC_URL` must be.
pub(super) const PUBLIC_URL: &str =
    "an address that begins with http:// or https://, such as https://photos.example/watches";

/// What `DATABASE_URL` must be.
pub(super) const DATABASE_URL: &str =
    "the address of a PostgreSQL database, such as postgres://user:password@host:5432/catalog";
