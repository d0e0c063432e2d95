//! What is done with many images at once, selected in a list.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Bytes, Data},
};
use uuid::Uuid;

use super::{image::actions, paging};
use crate::{
    domain::ImageId,
    web::{Site, account::Caller, error::WebError},
};

/// Most images at once: a page has fewer.
const MOST: usize = 1_000;

/// `POST /images/hide`: hides the selected images, all or none, and leads back to the list of its address; without an
/// image or a reason, too, with what was filled in.
///
/// # Errors
/// See [`WebError`].
pub async fn hide(
    site: Data<Site>,
    caller: Caller,
    request: HttpRequest,
    form: Bytes,
) -> Result<HttpResponse, WebError> {
    let (images, why) = read(&form);
    if images.len() > MOST {
        return Err(WebError::Parameter(format!("select at most {MOST} images")));
    }
    let lacks = if images.is_empty() { "images" } else { "why" };
    if images.is_empty() || why.is_empty() {
        let ticked = images.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let filled_in = [("lacks", lacks), ("ticked", ticked.as_str()), ("why", why.as_str())];
        return Ok(paging::back(&site, request.query_string(), &filled_in));
    }
    let mut tx = site.pool.begin().await?;
    for image in &images {
        actions::hide_one(&site, &mut tx, caller.annotator, (*image, &why)).await?;
    }
    tx.commit().await?;
    let hidden = images.len().to_string();
    Ok(paging::back(&site, request.query_string(), &[("hidden_now", hidden.as_str())]))
}

/// The images in the order of their identifiers, so that two who hide the same ones wait for each other in turn; and why.
fn read(form: &[u8]) -> (Vec<ImageId>, String) {
    let (mut images, mut why) = (vec![], String::new());
    for (name, value) in url::form_urlencoded::parse(form) {
        match &*name {
            "image" => images.extend(value.parse::<Uuid>().ok().map(ImageId)),
            "why" => why = value.trim().to_owned(),
            _ => {}
        }
    }
    images.sort_unstable();
    images.dedup();
    (images, why)
}
