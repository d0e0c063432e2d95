//! Pictures: renditions by content hash, made when they are first wanted, and the originals.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{
        self, Charset, ContentDisposition, DispositionParam, DispositionType, ETag, EntityTag, ExtendedValue,
        Header, IfNoneMatch,
    },
    web::{Data, Path},
};
use uuid::Uuid;

use crate::{
    decode::{self, GRID_PX, Need, VIEWER_PX},
    domain::{ContentHash, ImageId},
    ingest::original::{self, Original, OriginalError},
    store::image_page,
    web::{Site, error::WebError},
};

/// A rendition is what its address says, for ever; only this machine's browsers may keep it.
const KEEP: &str = "private, max-age=31536000, immutable";

/// `GET /media/{long_px}/{hash}.jpg`.
///
/// # Errors
/// See [`WebError`].
pub async fn rendition(
    site: Data<Site>,
    path: Path<(u32, String)>,
    request: HttpRequest,
) -> Result<HttpResponse, WebError> {
    let (long_px, hash) = path.into_inner();
    let hash: ContentHash = hash.parse().map_err(|_| WebError::NotFound)?;
    if ![GRID_PX, VIEWER_PX].contains(&long_px) {
        return Err(WebError::NotFound);
    }
    let tag = EntityTag::new_strong(format!("{hash}-{long_px}"));
    if is_known(&request, &tag) {
        return Ok(unchanged(tag));
    }
    let made = stored(&site, long_px, &hash).await.map(|jpeg| picture(tag, jpeg));
    or_small(&site, &hash, made).await
}

/// `GET /media/full/{hash}.jpg`: the picture at its own size, upright, as every browser can show it. It is made anew each
/// time: few are asked for, and a browser keeps it.
///
/// # Errors
/// See [`WebError`].
pub async fn full(
    site: Data<Site>,
    hash: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, WebError> {
    let hash: ContentHash = hash.parse().map_err(|_| WebError::NotFound)?;
    let tag = EntityTag::new_strong(format!("{hash}-full"));
    if is_known(&request, &tag) {
        return Ok(unchanged(tag));
    }
    let made = render(&site, u32::MAX, &hash).await.map(|jpeg| picture(tag, jpeg));
    or_small(&site, &hash, made).await
}

/// The small rendition in place of a larger one that cannot be made, for its original is gone: better than a broken picture.
/// No browser keeps it under this address.
pub(crate) async fn or_small(
    site: &Site,
    hash: &ContentHash,
    made: Result<HttpResponse, WebError>,
) -> Result<HttpResponse, WebError> {
    if !matches!(made, Err(WebError::OriginalGone)) {
        return made;
    }
    let small = site.objects.rendition(GRID_PX, hash).await?.ok_or(WebError::OriginalGone)?;
    Ok(HttpResponse::Ok()
        .content_type("image/jpeg")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(small))
}

fn unchanged(tag: EntityTag) -> HttpResponse {
    HttpResponse::NotModified().insert_header(ETag(tag)).insert_header((header::CACHE_CONTROL, KEEP)).finish()
}

fn picture(tag: EntityTag, jpeg: Vec<u8>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("image/jpeg")
        .insert_header(ETag(tag))
        .insert_header((header::CACHE_CONTROL, KEEP))
        .body(jpeg)
}

/// A picture for somebody who may see this one, under an address of their own.
pub(crate) fn handed_out(jpeg: Vec<u8>) -> HttpResponse {
    HttpResponse::Ok().content_type("image/jpeg").insert_header((header::CACHE_CONTROL, KEEP)).body(jpeg)
}

/// A rendition as it is kept, made first if need be.
pub(crate) async fn stored(site: &Site, long_px: u32, hash: &ContentHash) -> Result<Vec<u8>, WebError> {
    match site.objects.rendition(long_px, hash).await? {
        Some(jpeg) => Ok(jpeg),
        None => make(site, long_px, hash).await,
    }
}

fn is_known(request: &HttpRequest, tag: &EntityTag) -> bool {
    match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Items(known)) => known.iter().any(|known| known.weak_eq(tag)),
        _ => false,
    }
}

/// Makes a rendition from the original and keeps it. Twice at the same time does no harm.
async fn make(site: &Site, long_px: u32, hash: &ContentHash) -> Result<Vec<u8>, WebError> {
    let jpeg = render(site, long_px, hash).await?;
    site.objects.put_rendition(long_px, hash, jpeg.clone()).await?;
    Ok(jpeg)
}

/// Makes a rendition with a long side of at most `long_px` from the original.
pub(crate) async fn render(site: &Site, long_px: u32, hash: &ContentHash) -> Result<Vec<u8>, WebError> {
    let mut conn = site.pool.acquire().await?;
    let image = image_page::by_hash(&mut conn, hash).await?.ok_or(WebError::NotFound)?;
    drop(conn);
    let original = read(site, image).await?;
    let need = Need::long_side(long_px);
    let made = site.decoders.decode(original.bytes, need, move |picture| decode::rendition(picture, long_px));
    // An image whose bytes do not decode is about to be turned away by the scorer.
    made.await.map_err(|_| WebError::NotFound)?.map_err(WebError::internal)
}

async fn read(site: &Site, image: ImageId) -> Result<Original, WebError> {
    original::read(&site.pool, &site.objects, image).await.map_err(|error| match error {
        OriginalError::Missing | OriginalError::Away => WebError::OriginalGone,
        error @ (OriginalError::File(_) | OriginalError::Service(_)) => WebError::internal(error),
    })
}

/// `GET /images/{id}/original`: the bytes as they came in, to be saved under their own name.
///
/// # Errors
/// See [`WebError`].
pub async fn original(site: Data<Site>, id: Path<Uuid>) -> Result<HttpResponse, WebError> {
    let image = ImageId(id.into_inner());
    let mut conn = site.pool.acquire().await?;
    let facts = image_page::facts(&mut conn, image).await?.ok_or(WebError::NotFound)?;
    drop(conn);
    let original = read(&site, image).await?;
    let name = facts.filename.rsplit('/').next().filter(|name| !name.is_empty());
    let name = name.map_or_else(|| format!("{}.{}", facts.hash, facts.format), str::to_owned);
    Ok(HttpResponse::Ok()
        .content_type(format!("image/{}", facts.format))
        .insert_header(attachment(&name))
        .body(original.bytes))
}

/// A file of this name, to be saved: in full (RFC 8187), and for old clients in plain letters.
fn attachment(name: &str) -> ContentDisposition {
    let plain = |letter: char| if letter.is_ascii_graphic() || letter == ' ' { letter } else { '_' };
    let full = ExtendedValue {
        charset: Charset::Ext("UTF-8".to_owned()),
        language_tag: None,
        value: name.as_bytes().to_owned(),
    };
    ContentDisposition {
        disposition: DispositionType::Attachment,
        parameters: vec![
            DispositionParam::Filename(name.chars().map(plain).collect()),
            DispositionParam::FilenameExt(full),
        ],
    }
}
