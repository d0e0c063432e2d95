//! "Showing x of y; z below threshold. Elsewhere: h hidden; f files failed": what a gallery shows, and where the rest is.

use super::{counted::Counted, words};
use crate::{
    store::{
        rankings::{Ranking, SAMPLE, Sort, Total, Watch},
        viewpoint::Viewpoint,
    },
    web::Site,
};

/// A remark on what is not shown, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// What it is.
    pub text: String,
    /// Where it is.
    pub href: Option<String>,
}

/// How many are shown, of how many; `first` is the number of the first one, where that is known.
pub fn showing((first, shown): (Option<i64>, usize), total: Total, ranking: &Ranking) -> String {
    let kind = match (ranking.hidden, ranking.watch) {
        (true, _) => "hidden images",
        (false, _) if is_narrowed(ranking) => "images that match",
        (false, Watch::Yes) => "images with a watch",
        (false, Watch::No) => "images without a watch",
        (false, Watch::Doubtful) => "doubtful images",
        (false, Watch::Any) => match ranking.sort {
            Sort::Newest => "images",
            Sort::Human => "images that people voted on",
            Sort::Sharpness => "measured images",
            Sort::Quality | Sort::Watch | Sort::Random => "scored images",
        },
    };
    let shown = match (first, i64::try_from(shown)) {
        (Some(first), Ok(shown)) if first > 1 && shown > 0 => {
            format!("{} to {}", words::count(first), words::count(first + shown - 1))
        }
        _ => shown.to_string(),
    };
    match (total.count, ranking.sort) {
        (0, _) => format!("There are no {kind}."),
        (SAMPLE, Sort::Random) => format!("Showing {shown} of {SAMPLE} {kind}, drawn at random."),
        _ => format!("Showing {shown} of {} {kind}.", in_words(total)),
    }
}

/// Whether the list is of a part that only the visitor's own filters make.
pub fn is_narrowed(ranking: &Ranking) -> bool {
    ranking.text.is_some()
        || ranking.listing.is_some()
        || ranking.one_per_listing
        || ranking.votes > 0
        || ranking.spread.is_some()
        || ranking.min.is_some()
        || ranking.max.is_some()
}

/// A total, as far as it was counted.
pub fn in_words(total: Total) -> String {
    let count = words::count(total.count);
    if total.is_exact { count } else { format!("more than {count}") }
}

/// What is to be said of the list: of the labels in it, or those that it leaves out, and of what it folds away; `path` is
/// the address of the page.
pub fn of(site: &Site, view: &Viewpoint, counted: &Counted, ranking: &Ranking, path: &str) -> Vec<Remark> {
    let on_labels = counted.others.and_then(|others| on_labels(site, view, others, (ranking, path)));
    let each = Ranking { one_per_listing: false, ..ranking.clone() };
    let folded = counted.folded.filter(|folded| *folded > 0).map(|folded| Remark {
        text: format!("{} more of the same listings", words::count(folded)),
        href: Some(list(site, path, &each)),
    });
    on_labels.into_iter().chain(folded).collect()
}

/// What the watch filter leaves out, or how many of all have no watch.
fn on_labels(
    site: &Site,
    view: &Viewpoint,
    total: Total,
    (ranking, path): (&Ranking, &str),
) -> Option<Remark> {
    if total.count == 0 {
        return None;
    }
    let threshold = view.threshold.map(|threshold| words::cut_off(threshold.get())).unwrap_or_default();
    let (other, side) = match ranking.watch {
        Watch::No => (Watch::Yes, "with a watch: above"),
        Watch::Any => (Watch::No, "of them without a watch: at or below"),
        _ => (Watch::No, "without a watch: at or below"),
    };
    let text = format!("{} {side} the threshold of {threshold}, or people say so", in_words(total));
    let others = Ranking { watch: other, ..ranking.clone() };
    Some(Remark { text, href: Some(list(site, path, &others)) })
}

/// What this list would not show with any filter, with the way to it: it is of the whole catalog.
pub fn elsewhere(site: &Site, counted: &Counted, ranking: &Ranking) -> Vec<Remark> {
    let Counted { left_out, unscored, .. } = counted;
    let waiting = Total { count: (unscored.count - left_out.unscorable.count).max(0), ..*unscored };
    // By time, since that is the one key that all of them have.
    let hidden = Ranking { sort: Sort::Newest, hidden: true, ..Ranking::default() };
    let hidden_total = if ranking.hidden { Total { count: 0, is_exact: true } } else { left_out.hidden };
    let files = if left_out.failed.count == 1 { "file failed" } else { "files failed" };
    let remarks = [
        (hidden_total, "hidden", list(site, "/ranking", &hidden)),
        (waiting, "waiting to be scored", site.url("/arrivals?state=imported")),
        (left_out.unscorable, "that a model gave up on", site.url("/arrivals?state=unscorable")),
        (left_out.failed, files, site.url("/arrivals?state=failed")),
    ];
    let remark =
        |(total, what, href)| Remark { text: format!("{} {what}", in_words(total)), href: Some(href) };
    remarks.into_iter().filter(|(total, ..)| total.count > 0).map(remark).collect()
}

/// The address of a list on the page at `path`.
pub fn list(site: &Site, path: &str, ranking: &Ranking) -> String {
    let query = ranking.to_string();
    let mark = if query.is_empty() { "" } else { "?" };
    site.url(&format!("{path}{mark}{query}"))
}
