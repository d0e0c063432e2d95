//! What somebody should look after, in words.

use std::path::Path;

use sqlx::PgConnection;

use super::{
    disks::{self, Room},
    words,
};
use crate::{
    config,
    domain::{Role, SightingState},
    score::Manifest,
    store::{
        components, generations, images,
        ledger::{self, Ledger},
        viewpoint::Viewpoint,
    },
    web::{Site, error::WebError},
};

/// One matter.
#[derive(Clone, Debug)]
pub struct Matter {
    /// What is the matter, and the way out.
    pub text: String,
    /// Where more is to be seen, and what that link says.
    pub link: Option<(String, &'static str)>,
    /// Whether work stands still until somebody does something.
    pub is_urgent: bool,
}

/// Everything that needs attention, the urgent first.
///
/// # Errors
/// When the database refuses.
pub async fn matters(
    site: &Site,
    conn: &mut PgConnection,
    view: Option<&Viewpoint>,
    ledger: &Ledger,
) -> Result<Vec<Matter>, WebError> {
    let mut matters = Vec::new();
    matters.extend(of_role(conn, config::Role::Ingest, "New files are not being noticed").await?);
    matters.extend(of_scoring(conn).await?);
    for root in ledger::roots(conn).await? {
        matters.extend(of_root(&root));
    }
    matters.extend(of_disks(site).await);
    matters.extend(of_originals(site, conn).await?);
    matters.extend(of_threshold(view));
    matters.extend(of_labels(site, conn, view).await?);
    let missing = if ledger.missing > 0 { ledger::images_missing(conn).await? } else { 0 };
    matters.extend(of_ledger(site, ledger, missing));
    matters.extend(of_switch(site, conn).await?);
    matters.sort_by_key(|matter| !matter.is_urgent);
    Ok(matters)
}

/// What stands in the way of scoring, and what processes cannot do while they go on with the rest.
///
/// # Errors
/// When the database refuses.
pub(super) async fn of_scoring(conn: &mut PgConnection) -> Result<Vec<Matter>, WebError> {
    let mut matters = of_role(conn, config::Role::Score, "Images are not being scored").await?;
    let warnings = components::warnings(conn).await?;
    matters.extend(warnings.iter().map(|text| Matter { text: sentence(text), link: None, is_urgent: true }));
    Ok(matters)
}

async fn of_role(
    conn: &mut PgConnection,
    role: config::Role,
    consequence: &str,
) -> Result<Vec<Matter>, WebError> {
    let urgent = |text| Matter { text, link: None, is_urgent: true };
    Ok(match components::problems(&mut *conn, role).await? {
        None => vec![urgent(format!(
            "{consequence}: no process with the role “{}” is running. Start one with `chronograde serve --roles {}`.",
            role.as_str(),
            role.as_str()
        ))],
        Some(problems) => problems
            .into_iter()
            .map(|problem| urgent(format!("{consequence}: {}", ended(&problem))))
            .collect(),
    })
}

fn of_root(root: &ledger::Root) -> Option<Matter> {
    let text = match &*root.state {
        "empty" => {
            "is empty, though files were seen in it. Nothing was removed from the catalog: is a disk not mounted?"
        }
        "foreign" => {
            "is another disk than before, and has none of its files. Nothing was removed from the catalog: is the right disk mounted?"
        }
        "unreachable" => "cannot be read. Files that are dropped there wait until it can.",
        _ => return None,
    };
    Some(Matter { text: format!("The folder {} {text}", root.root), link: None, is_urgent: true })
}

/// With less room than this, pictures cannot be stored for long, and the database stops soon after.
const LITTLE_ROOM_BYTES: u64 = 1024 * 1024 * 1024;

/// The disks of the data and of the upload directory, each once.
async fn of_disks(site: &Site) -> Vec<Matter> {
    let folders = [site.data_dir.as_path(), site.upload_dir.as_path()];
    // What does not answer is told of by whoever works there.
    let rooms = disks::rooms(folders).await.into_iter().zip(folders);
    let mut known: Vec<(Room, &Path)> = rooms.filter_map(|(room, folder)| Some((room?, folder))).collect();
    known.dedup_by_key(|(room, _)| room.disk);
    known.into_iter().filter_map(|(room, folder)| of_room(folder, room.free_bytes)).collect()
}

fn of_room(folder: &Path, free_bytes: u64) -> Option<Matter> {
    if free_bytes >= LITTLE_ROOM_BYTES {
        return None;
    }
    let text = format!(
        "The disk of {} has {} left. Make room: when it is full, new files wait where they are, and nobody can vote.",
        folder.display(),
        words::bytes(i64::try_from(free_bytes).unwrap_or(i64::MAX))
    );
    Some(Matter { text, link: None, is_urgent: true })
}

/// So many of the first images' originals are looked for.
const ORIGINALS: i64 = 8;

/// Stored originals that are not there: a catalog that was restored from a backup, which has none.
async fn of_originals(site: &Site, conn: &mut PgConnection) -> Result<Option<Matter>, WebError> {
    let keys = images::first_stored(conn, ORIGINALS).await?;
    let absent = site.objects.absent(&keys).await?;
    Ok((absent > 0).then(|| Matter {
        text: format!(
            "{absent} of {} stored originals that were looked for are not in the image store. Scores and votes stay, but nobody can \
             look at those pictures at full size: copy the image store's folder “originals” from where the catalog was before; \
             `chronograde doctor` says where to.",
            keys.len()
        ),
        link: None,
        is_urgent: false,
    }))
}

fn of_threshold(view: Option<&Viewpoint>) -> Option<Matter> {
    let view = view?;
    let text = match view.threshold {
        None => format!(
            "The watch model “{}” has no threshold, so that its confidence gives no label.",
            view.watch_title
        ),
        Some(threshold) if !view.threshold_is_measured => format!(
            "The threshold {} of “{}” was never measured on labelled pictures: take its labels as a guess.",
            words::cut_off(threshold.get()),
            view.watch_title
        ),
        Some(_) => return None,
    };
    Some(Matter { text, link: None, is_urgent: false })
}

/// A threshold that the labels speak for.
async fn of_labels(
    site: &Site,
    conn: &mut PgConnection,
    view: Option<&Viewpoint>,
) -> Result<Option<Matter>, WebError> {
    let Some(view) = view else { return Ok(None) };
    let offer = site.offers.look(&site.pool, conn, view).await?;
    Ok(offer.map(|offer| Matter {
        text: offer.in_words(&view.watch_title),
        link: Some((site.url(&offer.path()), "Look at the proposal")),
        is_urgent: false,
    }))
}

/// What the ledger's totals say; a file that was never an image and is gone troubles nobody.
fn of_ledger(site: &Site, ledger: &Ledger, missing: i64) -> Vec<Matter> {
    let listed = |state: &str, link| Some((site.url(&format!("/arrivals?state={state}")), link));
    let mut matters = Vec::new();
    let mut say = |number: i64, text: String, link| {
        if number > 0 {
            matters.push(Matter { text, link, is_urgent: false });
        }
    };
    say(
        ledger.failed,
        format!("{} could not be taken.", words::counted(ledger.failed, "file", "files")),
        listed(SightingState::Failed.as_str(), "See why, and try again"),
    );
    say(
        ledger.unscorable,
        format!("A model gave up on {}.", words::counted(ledger.unscorable, "image", "images")),
        listed("unscorable", "See why, and try again"),
    );
    say(
        missing,
        format!(
            "{} Scores stay; the originals cannot be downloaded.",
            if missing == 1 {
                "1 file is not where it was.".to_owned()
            } else {
                format!("{} files are not where they were.", words::count(missing))
            }
        ),
        listed(SightingState::Missing.as_str(), "See which"),
    );
    matters
}

/// Another pair that is ready, and that the pages do not show by themselves.
async fn of_switch(site: &Site, conn: &mut PgConnection) -> Result<Option<Matter>, WebError> {
    Ok(generations::held_back(conn).await?.map(|held| Matter {
        text: format!(
            "Other models are done with every image, but {} failed with them, and only {} with the present ones. The pages do not \
             switch by themselves; on the Models page an admin can have them switch.",
            words::counted(held.failed, "image", "images"),
            words::count(held.failed_now)
        ),
        link: Some((site.url(&format!("/arrivals?state=unscorable&pair={}", held.generation)), "See which, and why")),
        is_urgent: false,
    }))
}

/// The larger networks that could be fetched, for who may do so.
pub fn of_models(site: &Site, role: Role) -> Option<Matter> {
    let worth_pulling = site.models.as_ref().filter(|_| role == Role::Admin)?.worth_pulling();
    let text = offer(&worth_pulling)?;
    Some(Matter { text, link: Some((site.url("/models#folder"), "Fetch them on Models")), is_urgent: false })
}

/// So many networks are offered by name.
const OFFERED: usize = 3;

fn offer(worth_pulling: &[&Manifest]) -> Option<String> {
    let mut names: Vec<String> =
        worth_pulling.iter().filter_map(|model| in_offer(model)).take(OFFERED).collect();
    if worth_pulling.len() > OFFERED {
        names.push(format!("{} more", worth_pulling.len() - OFFERED));
    }
    let with_terms: Vec<String> = worth_pulling
        .iter()
        .take(OFFERED)
        .filter(|model| model.accept.is_some() && model.license.is_none())
        .map(|model| format!("“{}”", model.title))
        .collect();
    if names.is_empty() {
        return None;
    }
    let terms = match with_terms.as_slice() {
        [] => String::new(),
        those => format!(
            " The file of {} has no licence beside it, which has to be accepted first.",
            those.join(" and ")
        ),
    };
    Some(format!(
        "Larger networks are known and not on this machine: {}.{terms} The present ones go on serving until one that was fetched is activated.",
        names.join(", ")
    ))
}

fn in_offer(model: &Manifest) -> Option<String> {
    let bytes = i64::try_from(model.network()?.bytes).unwrap_or(i64::MAX);
    Some(format!("“{}” ({})", model.title, words::bytes(bytes)))
}

/// A sentence with its capital letter and its full stop.
fn sentence(text: &str) -> String {
    let mut rest = text.chars();
    let first = rest.next().map(char::to_uppercase);
    ended(&first.into_iter().flatten().chain(rest).collect::<String>())
}

/// A sentence with its full stop.
pub(super) fn ended(sentence: &str) -> String {
    if sentence.ends_with(['.', '!', '?']) { sentence.to_owned() } else { format!("{sentence}.") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_spoken_of_when_little_is_left() {
        let folder = Path::new("/data");
        assert!(of_room(folder, LITTLE_ROOM_BYTES).is_none());
        let matter = of_room(folder, LITTLE_ROOM_BYTES / 2).unwrap();
        assert!(
            matter.is_urgent && matter.text.starts_with("The disk of /data has 537\u{202f}MB left."),
            "{}",
            matter.text
        );
    }
}
