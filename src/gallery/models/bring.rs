//! What can be done with the models of the folder: check one, bring it in, fetch its weights, or send them.

use std::{future::Future, time::Duration};

use actix_multipart::Multipart;
use actix_web::{
    HttpResponse,
    web::{Data, Form},
};
use futures_util::TryStreamExt;
use serde::Deserialize;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::weights::{self, Spool};
use crate::{
    score::{CatalogueError, Manifest, Network},
    serving::{Ask, Operation, Running},
    store::events,
    web::{Site, account::Caller, api, error::WebError, query::Query},
};

/// Who presses a button waits so long for the outcome; after that the page tells what goes on.
const PATIENCE: Duration = Duration::from_secs(5);

/// Which model is meant.
#[derive(Debug, Deserialize)]
pub struct Asked {
    model: String,
    /// `yes` if what its manifest asks to be accepted is.
    accept: Option<String>,
}

/// `POST /models/check`: loads a model as the service would, and says whether it can serve.
///
/// # Errors
/// See [`WebError`].
pub async fn check(site: Data<Site>, asked: Form<Asked>) -> Result<HttpResponse, WebError> {
    let name = manifest(&site, &asked.model).await?.name;
    let running = begin(&site, &name, Operation::Busy("being checked"))?;
    let (site, named) = (site.into_inner(), name.clone());
    let work = {
        let site = site.clone();
        async move { running.end(checked(&site, &named).await) }
    };
    in_the_background(work).await;
    Ok(back(&site, &name))
}

/// `POST /models/activate`: a model is served in place of the one of its task, as soon as it has scored every image.
///
/// # Errors
/// See [`WebError`].
pub async fn activate(
    site: Data<Site>,
    caller: Caller,
    asked: Form<Asked>,
) -> Result<HttpResponse, WebError> {
    let name = manifest(&site, &asked.model).await?.name;
    let running = begin(&site, &name, Operation::Busy("being loaded and checked"))?;
    let (site, named) = (site.into_inner(), name.clone());
    let work = {
        let site = site.clone();
        async move {
            let _turn = site.operations.turn().await;
            let ask = Ask { name: &named, by: caller.annotator, accepts_moved: false };
            let brought = site.workshop.bring_in(&site.pool, ask).await;
            site.counts.changed();
            site.operations.forget_ended();
            running.end(brought.map(|brought| brought.in_words(&named)).map_err(|error| in_full(&error)));
        }
    };
    in_the_background(work).await;
    Ok(back(&site, &name))
}

/// `POST /models/pull`: the weights of a model are fetched in the background, and checked.
///
/// # Errors
/// See [`WebError`].
pub async fn pull(site: Data<Site>, caller: Caller, asked: Form<Asked>) -> Result<HttpResponse, WebError> {
    let (manifest, network) = wanted(&site, &asked.model).await?;
    if site.workshop.is_offline() {
        let sentence = "CHRONOGRADE_OFFLINE is set, so nothing is fetched: send the file, or bring it with `chronograde models add FILE`.";
        return Err(WebError::NotTaken(sentence.to_owned()));
    }
    let accepts = asked.accept.as_deref() == Some("yes");
    if let Some(terms) = manifest.accept.as_ref().filter(|_| !accepts) {
        return Err(WebError::NotTaken(format!(
            "{} was not fetched, since {terms}: accept that first.",
            manifest.name
        )));
    }
    let stop = CancellationToken::new();
    let pulling = Operation::Pulling { there: 0, of: network.bytes, remark: None, stop: stop.clone() };
    let running = begin(&site, &manifest.name, pulling)?;
    // Which terms somebody accepted, of which file, is known also when the manifest says something else.
    let detail = json!({ "accepted": manifest.accept, "sha256": network.sha256 });
    let what = ("models.pull", Some(manifest.name.as_str()));
    events::record_with(&mut *site.pool.acquire().await?, caller.annotator, what, &detail).await?;
    let (site, name) = (site.into_inner(), manifest.name.clone());
    let work = {
        let site = site.clone();
        async move {
            let outcome = match weights::fetched(network, running.progress().clone(), stop).await {
                Ok(Some(whence)) => with_check(&site, &name, whence, &running).await,
                Ok(None) => {
                    Ok("It was stopped. What arrived is kept, and the next pull goes on there".to_owned())
                }
                Err(problem) => Err(problem),
            };
            running.end(outcome);
        }
    };
    in_the_background(work).await;
    Ok(back(&site, &manifest.name))
}

/// `POST /models/stop`: the weights of a model are fetched no further. What is here of them is kept.
///
/// # Errors
/// See [`WebError`].
pub async fn stop(site: Data<Site>, caller: Caller, asked: Form<Asked>) -> Result<HttpResponse, WebError> {
    let name = &asked.model;
    if !site.operations.stop(name) {
        return Err(WebError::NotTaken(format!("Nothing comes in for {name}: it has ended already.")));
    }
    events::record(&mut *site.pool.acquire().await?, caller.annotator, "models.stop", Some(name)).await?;
    Ok(back(&site, name))
}

/// `POST /models/add`: the weights of a model, which were fetched elsewhere, are put where its manifest wants them.
///
/// # Errors
/// See [`WebError`].
pub async fn add(
    site: Data<Site>,
    caller: Caller,
    asked: Query<Asked>,
    form: Multipart,
) -> Result<HttpResponse, WebError> {
    let (manifest, network) = wanted(&site, &asked.model).await?;
    let running = begin(&site, &manifest.name, Operation::Busy("its file comes in"))?;
    let spool = match received(&site, &network, form).await {
        Ok(spool) => spool,
        Err(error) => {
            running.end(Err(format!("Its file did not come in: {error}")));
            return Err(error);
        }
    };
    events::record(&mut *site.pool.acquire().await?, caller.annotator, "models.add", Some(&manifest.name))
        .await?;
    let (site, name) = (site.into_inner(), manifest.name.clone());
    let work = {
        let site = site.clone();
        async move {
            let outcome = match spool.put(&site.workshop).await {
                Ok(()) => with_check(&site, &name, "Its file is here".to_owned(), &running).await,
                Err(problem) => Err(problem),
            };
            running.end(outcome);
        }
    };
    in_the_background(work).await;
    Ok(back(&site, &manifest.name))
}

/// The one file of a form.
async fn received(site: &Site, network: &Network, mut form: Multipart) -> Result<Spool, WebError> {
    let mut spool = Spool::new(&site.data_dir, network).map_err(WebError::Spool)?;
    let mut is_there = false;
    while let Some(mut field) = form.try_next().await.map_err(api::broken_form)? {
        if field.name() != Some("file") || std::mem::replace(&mut is_there, true) {
            return Err(WebError::Parameter("the form has one field, “file”, with one file".to_owned()));
        }
        while let Some(part) = field.try_next().await.map_err(api::broken_form)? {
            spool.write(&part).await.map_err(WebError::Spool)?;
        }
    }
    Ok(spool)
}

async fn manifest(site: &Site, name: &str) -> Result<Manifest, WebError> {
    let read = site.workshop.catalogue().await.and_then(|catalogue| catalogue.get(name).cloned());
    read.map_err(not_known)
}

/// A model whose weights are to come here, and what they are.
async fn wanted(site: &Site, name: &str) -> Result<(Manifest, Network), WebError> {
    let catalogue = site.workshop.catalogue().await.map_err(not_known)?;
    let manifest = catalogue.get(name).map_err(not_known)?;
    if let Some(clash) = catalogue.clash_of(name) {
        return Err(WebError::NotTaken(format!("{clash}.")));
    }
    let network = manifest.network().ok_or_else(|| {
        WebError::NotTaken(format!("{name} has no weights of its own: fetch the models that it is made of."))
    })?;
    Ok((manifest.clone(), network.clone()))
}

fn not_known(error: CatalogueError) -> WebError {
    match error {
        CatalogueError::Unknown { .. } => WebError::NotFound,
        other => WebError::NotTaken(other.to_string()),
    }
}

fn begin(site: &Site, name: &str, operation: Operation) -> Result<Running, WebError> {
    let busy =
        || WebError::NotTaken(format!("Something goes on with {name} already: wait until that has ended."));
    site.operations.begin(name, operation).ok_or_else(busy)
}

/// Goes on also when nobody waits any more.
async fn in_the_background(work: impl Future<Output = ()> + Send + 'static) {
    let _ = tokio::time::timeout(PATIENCE, tokio::spawn(work)).await;
}

async fn checked(site: &Site, name: &str) -> Result<String, String> {
    let _turn = site.operations.turn().await;
    let checked = site.workshop.check(name).await.map_err(|error| in_full(&error))?;
    let doubts: String = checked.warnings.iter().map(|warning| format!(" Mind: {warning}.")).collect();
    Ok(format!("It can serve: {checked}.{doubts}"))
}

async fn with_check(site: &Site, name: &str, done: String, running: &Running) -> Result<String, String> {
    running.progress().report(Operation::Busy("being checked"));
    let put = |said: String| format!("{done}. {said}");
    checked(site, name).await.map(put).map_err(put)
}

/// An error with everything that led to it.
fn in_full(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// The page, at the model's row.
fn back(site: &Site, name: &str) -> HttpResponse {
    let anchor: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
    site.see_other(&format!("/models#model-{anchor}"))
}
