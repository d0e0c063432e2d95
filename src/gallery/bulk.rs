//! What is done with many images at once, selected in a list.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Bytes, Data},
};
use uuid::Uuid;

use super::image::actions;
use crate::{
    domain::ImageId,
    store::rankings::Ranking,
    web::{Site, account::Caller, error::WebError},
};

/// Most images at once: a page has fewer.
const MOST: usize = 1_000;

/// The address that hides images selected in `ranking`, and leads back to it.
pub fn hide_address(site: &Site, ranking: &Ranking) -> String {
    site.url(&format!("/images/hide?{ranking}"))
}

/// `POST /images/hide`: hides the selected images, all or none, and leads back to the list of its address.
///
/// # Errors
/// See [`WebError`].
pub async fn hide(
    site: Data<Site>,
    caller: Caller,
    request: HttpRequest,
    form: Bytes,
) -> Result<HttpResponse, WebError> {
    let (images, why) = read(&form)?;
    let mut tx = site.pool.begin().await?;
    for image in &images {
        actions::hide_one(&site, &mut tx, caller.annotator, (*image, &why)).await?;
    }
    tx.commit().await?;
    let list = request.query_string().parse::<Ranking>().unwrap_or_default().to_string();
    let mark = if list.is_empty() { "" } else { "&" };
    Ok(site.see_other(&format!("/ranking?{list}{mark}pick=yes&hidden_now={}", images.len())))
}

/// The images in the order of their identifiers, so that two who hide the same ones wait for each other in turn; and why.
fn read(form: &[u8]) -> Result<(Vec<ImageId>, String), WebError> {
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
    if images.is_empty() || images.len() > MOST {
        return Err(WebError::Parameter(format!("select some images, at most {MOST}")));
    }
    Ok((images, why))
}
