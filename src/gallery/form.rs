//! The form above the ranking: every field is part of the address, and works without a script.

use super::remarks;
use crate::{
    store::rankings::{AddressError, Order, Ranking, Sort, Watch},
    web::Site,
};

/// One choice of a field.
pub struct Option {
    /// The value in the address.
    pub value: &'static str,
    /// What it is called.
    pub name: &'static str,
    /// Whether it is the one.
    pub is_chosen: bool,
}

/// The form, filled in as the list is.
pub struct Form {
    /// The list.
    pub ranking: Ranking,
    /// Sort keys.
    pub sorts: Vec<Option>,
    /// Which end comes first.
    pub orders: Vec<Option>,
    /// Labels.
    pub watches: Vec<Option>,
    /// Part of a name, a folder or a listing.
    pub text: String,
    /// Least value of the sort key.
    pub min: String,
    /// Largest value of the sort key.
    pub max: String,
    /// Least number of votes.
    pub votes: String,
    /// Least standard deviation of the votes.
    pub spread: String,
    /// What the bounds are of.
    pub bounds: &'static str,
    /// What a bound may look like.
    pub example: &'static str,
    /// The whole list without a filter, if any filter is set.
    pub clear: std::option::Option<String>,
    /// Another random sample.
    pub redraw: std::option::Option<String>,
    /// The list as files.
    pub export: String,
}

impl Form {
    /// The form of a list.
    pub fn of(site: &Site, ranking: &Ranking) -> Self {
        let list = |ranking: &Ranking| remarks::list(site, "/ranking", ranking);
        let bare = ranking.unfiltered();
        let (bounds, example) = bounds(ranking.sort);
        Self {
            sorts: Sort::ALL.map(|sort| choice(sort.as_str(), sort_name(sort), sort == ranking.sort)).into(),
            orders: Order::ALL
                .map(|order| choice(order.as_str(), order_name(ranking.sort, order), order == ranking.order))
                .into(),
            watches: Watch::ALL
                .map(|watch| choice(watch.as_str(), watch_name(watch), watch == ranking.watch))
                .into(),
            text: ranking.text.clone().unwrap_or_default(),
            min: ranking.min.map(|key| key.as_bound("min")).unwrap_or_default(),
            max: ranking.max.map(|key| key.as_bound("max")).unwrap_or_default(),
            votes: Some(ranking.votes)
                .filter(|votes| *votes > 0)
                .map(|votes| votes.to_string())
                .unwrap_or_default(),
            spread: ranking.spread.map(|spread| spread.get().to_string()).unwrap_or_default(),
            bounds,
            example,
            clear: (bare != *ranking).then(|| list(&bare)),
            export: remarks::list(site, "/export", ranking),
            redraw: (ranking.sort == Sort::Random)
                .then(|| list(&Ranking { seed: ranking.seed.wrapping_add(1), ..ranking.clone() })),
            ranking: ranking.clone(),
        }
    }

    /// The seed, where the list is a sample.
    pub fn seed(&self) -> std::option::Option<u32> {
        (self.ranking.sort == Sort::Random).then_some(self.ranking.seed)
    }
}

/// What is wrong with the fields of a form, each as it is called there; what is right holds.
pub fn problems(ranking: &Ranking, problems: &[AddressError]) -> std::option::Option<String> {
    let (bounds, _) = bounds(ranking.sort);
    let mut sentences: Vec<String> = problems
        .iter()
        .map(|AddressError { parameter, must_be, is_of_another_sort }| {
            let field = match &**parameter {
                "min" => format!("“{bounds} from”"),
                "max" => format!("“{bounds} to”"),
                "votes" => "“Votes, at least”".to_owned(),
                "spread" => "“Spread of votes, from”".to_owned(),
                other => other.to_owned(),
            };
            match is_of_another_sort {
                true => format!(
                    "The bound of the former sort does not fit: {field} must be {must_be}. It is left out."
                ),
                false => format!("{field} must be {must_be}: it is left out."),
            }
        })
        .collect();
    if ranking.is_reversed() {
        sentences.push(format!("“{bounds} from” is above “to”: no image can lie between them."));
    }
    (!sentences.is_empty()).then(|| sentences.join(" "))
}

const fn choice(value: &'static str, name: &'static str, is_chosen: bool) -> Option {
    Option { value, name, is_chosen }
}

const fn sort_name(sort: Sort) -> &'static str {
    match sort {
        Sort::Quality => "quality",
        Sort::Watch => "watch confidence",
        Sort::Human => "people's mean",
        Sort::Newest => "time of arrival",
        Sort::Sharpness => "sharpness",
        Sort::Random => "random sample",
    }
}

const fn order_name(sort: Sort, order: Order) -> &'static str {
    match (sort, order) {
        (Sort::Newest, Order::Desc) => "newest first",
        (Sort::Newest, Order::Asc) => "oldest first",
        (_, Order::Desc) => "highest first",
        (_, Order::Asc) => "lowest first",
    }
}

const fn watch_name(watch: Watch) -> &'static str {
    match watch {
        Watch::Any => "any",
        Watch::Yes => "yes",
        Watch::No => "no",
        Watch::Doubtful => "doubtful",
    }
}

/// What the bounds are called, and what one may look like.
const fn bounds(sort: Sort) -> (&'static str, &'static str) {
    match sort {
        Sort::Quality | Sort::Random => ("Quality", "1 to 10"),
        Sort::Watch => ("Confidence", "0 to 1"),
        Sort::Human => ("People's mean", "1 to 10"),
        Sort::Newest => ("Arrived", "2026-01-31"),
        Sort::Sharpness => ("Sharpness", "such as 150"),
    }
}
