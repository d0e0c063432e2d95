//! The buttons of the list. Each leads back to it, and is in the history.

use actix_web::{
    HttpResponse,
    web::{Data, Form, Path},
};
use serde::Deserialize;
use serde_json::json;

use crate::{
    domain::{SightingId, SightingState},
    store::{events, sightings},
    web::{Site, account::Caller, error::WebError},
};

/// `POST /arrivals/{id}/retry`.
///
/// # Errors
/// See [`WebError`].
pub async fn retry(site: Data<Site>, caller: Caller, id: Path<i64>) -> Result<HttpResponse, WebError> {
    let mut tx = site.pool.begin().await?;
    let done = sightings::retry(&mut tx, SightingId(*id)).await?;
    if done {
        events::record(&mut tx, caller.annotator, "sighting.retry", Some(&format!("sighting:{id}"))).await?;
    }
    tx.commit().await?;
    Ok(back_with(&site, SightingState::Failed.as_str(), if done { "retry" } else { "nothing" }, *id))
}

/// `POST /arrivals/retry-all`: every failed file.
///
/// # Errors
/// See [`WebError`].
pub async fn retry_all(site: Data<Site>, caller: Caller) -> Result<HttpResponse, WebError> {
    let mut tx = site.pool.begin().await?;
    let retried = sightings::retry_all(&mut tx).await?;
    if retried > 0 {
        events::record(&mut tx, caller.annotator, "sighting.retry-all", None).await?;
    }
    tx.commit().await?;
    Ok(back(&site, SightingState::Failed.as_str(), if retried > 0 { "retry-all" } else { "nothing" }))
}

/// For which reason.
#[derive(Debug, Deserialize)]
pub struct Because {
    reason: String,
}

/// `POST /arrivals/retry-reason`: every file that failed for this reason.
///
/// # Errors
/// See [`WebError`].
pub async fn retry_reason(
    site: Data<Site>,
    caller: Caller,
    because: Form<Because>,
) -> Result<HttpResponse, WebError> {
    let mut tx = site.pool.begin().await?;
    let retried = sightings::retry_reason(&mut tx, &because.reason).await?;
    if retried > 0 {
        let detail = json!({ "reason": because.reason, "files": retried });
        events::record_with(&mut tx, caller.annotator, ("sighting.retry-reason", None), &detail).await?;
    }
    tx.commit().await?;
    Ok(back(&site, SightingState::Failed.as_str(), if retried > 0 { "retry-reason" } else { "nothing" }))
}

/// `POST /arrivals/ignore-all`: every failed file.
///
/// # Errors
/// See [`WebError`].
pub async fn ignore_all(site: Data<Site>, caller: Caller) -> Result<HttpResponse, WebError> {
    let mut tx = site.pool.begin().await?;
    let ignored = sightings::ignore_all(&mut tx, None).await?;
    if ignored > 0 {
        let what = ("sighting.ignore-all", None);
        events::record_with(&mut tx, caller.annotator, what, &json!({ "files": ignored })).await?;
    }
    tx.commit().await?;
    Ok(back(&site, SightingState::Failed.as_str(), if ignored > 0 { "ignore-all" } else { "nothing" }))
}

/// `POST /arrivals/ignore-reason`: every file that failed for this reason, uploads too.
///
/// # Errors
/// See [`WebError`].
pub async fn ignore_reason(
    site: Data<Site>,
    caller: Caller,
    because: Form<Because>,
) -> Result<HttpResponse, WebError> {
    let mut tx = site.pool.begin().await?;
    let ignored = sightings::ignore_all(&mut tx, Some(&because.reason)).await?;
    if ignored > 0 {
        let detail = json!({ "reason": because.reason, "files": ignored });
        events::record_with(&mut tx, caller.annotator, ("sighting.ignore-reason", None), &detail).await?;
    }
    tx.commit().await?;
    Ok(back(&site, SightingState::Failed.as_str(), if ignored > 0 { "ignore-reason" } else { "nothing" }))
}

/// `POST /arrivals/{id}/unignore`.
///
/// # Errors
/// See [`WebError`].
pub async fn unignore(site: Data<Site>, caller: Caller, id: Path<i64>) -> Result<HttpResponse, WebError> {
    let mut tx = site.pool.begin().await?;
    let watched = site.upload_dir.to_string_lossy();
    let done = sightings::unignore(&mut tx, SightingId(*id), &watched).await?;
    if done {
        events::record(&mut tx, caller.annotator, "sighting.unignore", Some(&format!("sighting:{id}")))
            .await?;
    }
    tx.commit().await?;
    Ok(back_with(&site, SightingState::Ignored.as_str(), if done { "unignore" } else { "nothing" }, *id))
}

/// `POST /arrivals/{id}/ignore`.
///
/// # Errors
/// See [`WebError`].
pub async fn ignore(site: Data<Site>, caller: Caller, id: Path<i64>) -> Result<HttpResponse, WebError> {
    let mut tx = site.pool.begin().await?;
    let done = sightings::ignore(&mut tx, SightingId(*id)).await?;
    if done {
        events::record(&mut tx, caller.annotator, "sighting.ignore", Some(&format!("sighting:{id}"))).await?;
    }
    tx.commit().await?;
    Ok(back_with(&site, SightingState::Failed.as_str(), if done { "ignore" } else { "nothing" }, *id))
}

/// Back to the list, so that reloading it does nothing twice.
fn back(site: &Site, state: &str, done: &str) -> HttpResponse {
    site.see_other(&format!("/arrivals?state={state}&done={done}"))
}

/// The same, with the file that it was done with.
fn back_with(site: &Site, state: &str, done: &str, sighting: i64) -> HttpResponse {
    site.see_other(&format!("/arrivals?state={state}&done={done}&of={sighting}"))
}

/// What a button did, in words, and to which file.
pub(super) fn notice(done: Option<&str>, path: Option<&str>) -> Option<String> {
    let again = "tried again with the next look at the folder. What becomes of it stands in these lists as soon as it is known; without JavaScript, reload the page.";
    let sent = "What was uploaded has to be uploaded again.";
    let it = path.unwrap_or("It");
    Some(match done? {
        "retry" => format!("{it} is {again}"),
        "retry-all" => format!("Every failed file that lies in a folder is {again} {sent}"),
        "retry-reason" => {
            format!("Every file that failed for this reason and lies in a folder is {again} {sent}")
        }
        "unignore" => format!(
            "{it} is no longer set aside: if it lies in the upload directory it is looked at again, else you find it under Failed."
        ),
        "ignore" => format!("{it} is set aside. You find it under Ignored."),
        "ignore-reason" => {
            "All files that failed for this reason are set aside. You find them under Ignored.".to_owned()
        }
        "ignore-all" => "All failed files are set aside. You find them under Ignored.".to_owned(),
        "rescore" => "The image waits to be scored again.".to_owned(),
        "nothing" => "Nothing was changed: its state is another one by now.".to_owned(),
        _ => return None,
    })
}
