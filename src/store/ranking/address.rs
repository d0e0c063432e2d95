//! A ranked list as the query of an address: what a form sends, what a link carries, what can be mailed.

use std::{fmt, str::FromStr};

use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, TimeDelta, Utc};

use super::{Key, Order, Ranking, Sort, Spread, Watch};

/// Something in an address that is no list, in a sentence that names the parameter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{parameter} must be {must_be}")]
pub struct AddressError {
    /// The parameter.
    pub parameter: String,
    /// What it must be.
    pub must_be: String,
    /// Whether it is a bound that another sort key could have.
    pub is_of_another_sort: bool,
}

impl AddressError {
    fn new(parameter: &str, must_be: impl Into<String>) -> Self {
        Self { parameter: parameter.to_owned(), must_be: must_be.into(), is_of_another_sort: false }
    }

    fn choice(name: &str, choices: &[&str]) -> Self {
        Self::new(name, format!("one of: {}", choices.join(", ")))
    }
}

/// Reads the query of an address. Empty values count as absent, as a form sends them; parameters that mean nothing
/// here (a place in the list, say) are passed over.
impl FromStr for Ranking {
    type Err = AddressError;

    fn from_str(query: &str) -> Result<Self, AddressError> {
        let (ranking, problems) = Self::read(query);
        problems.into_iter().next().map_or(Ok(ranking), Err)
    }
}

impl Ranking {
    /// Reads what is a list and nothing else: where a word that is not understood would silently give another list. A place in the list
    /// is passed over, since it is in the addresses that people copy.
    ///
    /// # Errors
    /// A parameter that means nothing, or a value that it cannot have.
    pub fn strictly(query: &str) -> Result<Self, AddressError> {
        let (ranking, problems, unknown) = Self::scan(query);
        let unknown = unknown.iter().find(|name| !matches!(&***name, "after" | "before"));
        let unknown = unknown.map(|name| AddressError::new(name, "left out: a list has no such parameter"));
        unknown.into_iter().chain(problems).next().map_or(Ok(ranking), Err)
    }

    /// What can be read of the query of an address, and what cannot: a form keeps its other fields.
    pub fn read(query: &str) -> (Self, Vec<AddressError>) {
        let (ranking, problems, _) = Self::scan(query);
        (ranking, problems)
    }

    /// What can be read, what cannot, and the parameters that mean nothing here.
    fn scan(query: &str) -> (Self, Vec<AddressError>, Vec<String>) {
        let (mut ranking, mut problems, mut unknown) = (Self::default(), vec![], vec![]);
        let (mut min, mut max, mut seed) = (None, None, 0);
        for (name, value) in url::form_urlencoded::parse(query.trim_start_matches('?').as_bytes()) {
            let read = match &*name {
                _ if value.is_empty() => Some(Ok(())),
                "min" => Some(set(&mut min, Ok(Some(value.into_owned())))),
                "max" => Some(set(&mut max, Ok(Some(value.into_owned())))),
                "seed" => Some(set(&mut seed, number(&name, &value))),
                _ => ranking.set(&name, &value),
            };
            match read {
                Some(read) => problems.extend(read.err()),
                None => unknown.push(name.into_owned()),
            }
        }
        ranking.seed = if ranking.sort == Sort::Random { seed } else { 0 };
        let mut bound = |name, text: Option<String>| {
            let read = text.map(|text| Key::bound(name, ranking.sort, &text)).transpose();
            read.unwrap_or_else(|problem| {
                problems.push(problem);
                None
            })
        };
        (ranking.min, ranking.max) = (bound("min", min), bound("max", max));
        (ranking, problems, unknown)
    }

    /// Whether its bounds leave nothing over.
    pub fn is_reversed(&self) -> bool {
        matches!((self.min, self.max), (Some(min), Some(max)) if min > max)
    }

    /// Sets what a parameter says; none for one that means nothing here.
    fn set(&mut self, name: &str, value: &str) -> Option<Result<(), AddressError>> {
        Some(match name {
            "sort" => set(&mut self.sort, choice(name, value, &Sort::ALL, Sort::as_str)),
            "order" => set(&mut self.order, choice(name, value, &Order::ALL, Order::as_str)),
            "watch" => set(&mut self.watch, choice(name, value, &Watch::ALL, Watch::as_str)),
            "q" => set(&mut self.text, Ok(Some(value.to_owned()))),
            "listing" => set(&mut self.listing, Ok(Some(value.to_owned()))),
            "one_per_listing" => set(&mut self.one_per_listing, flag(name, value)),
            "hidden" => set(&mut self.hidden, flag(name, value)),
            "votes" => set(&mut self.votes, votes(value)),
            "spread" => set(&mut self.spread, spread(value).map(Some)),
            _ => return None,
        })
    }
}

/// Sets a field to what was read, if it could be.
fn set<T>(field: &mut T, read: Result<T, AddressError>) -> Result<(), AddressError> {
    *field = read?;
    Ok(())
}

/// Writes the query of its address, without a question mark; what is as usual is left out, so that equal lists have
/// equal addresses, and the usual one an empty query.
impl fmt::Display for Ranking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let usual = Self::default();
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let mut write = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                query.append_pair(name, &value);
            }
        };
        write("sort", (self.sort != usual.sort).then(|| self.sort.as_str().to_owned()));
        write("seed", (self.sort == Sort::Random).then(|| self.seed.to_string()));
        write("order", (self.order != usual.order).then(|| self.order.as_str().to_owned()));
        write("watch", (self.watch != usual.watch).then(|| self.watch.as_str().to_owned()));
        write("min", self.min.map(|key| key.as_bound("min")));
        write("max", self.max.map(|key| key.as_bound("max")));
        write("q", self.text.clone());
        write("listing", self.listing.clone());
        write("one_per_listing", self.one_per_listing.then(|| "yes".to_owned()));
        write("hidden", self.hidden.then(|| "yes".to_owned()));
        write("votes", (self.votes > 0).then(|| self.votes.to_string()));
        write("spread", self.spread.map(|spread| spread.get().to_string()));
        f.write_str(&query.finish())
    }
}

impl Key {
    /// A bound of the sort key, from the parameter `name`, `min` or `max`: a number; for `newest` a moment (RFC 3339) or a day
    /// (UTC), which counts whole.
    ///
    /// # Errors
    /// What the parameter must be.
    pub fn bound(name: &str, sort: Sort, text: &str) -> Result<Self, AddressError> {
        let (moment, number) = (moment(name, text), finite(text));
        let (key, must_be, is_of_another_sort) = match sort {
            Sort::Newest => (
                moment.map(Key::Time),
                "a moment such as 2026-01-31T12:00:00Z, or a day such as 2026-01-31",
                number.is_some(),
            ),
            _ => (number.map(Key::Number), "a number", moment.is_some()),
        };
        key.ok_or_else(|| AddressError { is_of_another_sort, ..AddressError::new(name, must_be) })
    }

    /// As [`Key::bound`] reads it; a day comes back as a day.
    pub fn as_bound(self, name: &str) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Time(time) if edge(name, time.date_naive()) == Some(time) => time.date_naive().to_string(),
            Self::Time(time) => time.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        }
    }
}

/// The moment from which on, or up to which, a day counts; PostgreSQL's timestamps have microseconds.
fn edge(name: &str, day: NaiveDate) -> Option<DateTime<Utc>> {
    let begin = day.and_time(NaiveTime::MIN).and_utc();
    match name {
        "max" => begin.checked_add_signed(TimeDelta::days(1) - TimeDelta::microseconds(1)),
        _ => Some(begin),
    }
}

/// A moment or a day, within what PostgreSQL's timestamps can hold, with room to spare.
fn moment(name: &str, text: &str) -> Option<DateTime<Utc>> {
    let day = || edge(name, text.parse().ok()?);
    let moment = text.parse::<DateTime<Utc>>().ok().or_else(day);
    moment.filter(|moment| (0..253_402_300_800).contains(&moment.timestamp()))
}

fn finite(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|number| number.is_finite())
}

fn choice<T: Copy>(
    name: &str,
    value: &str,
    all: &[T],
    text: fn(T) -> &'static str,
) -> Result<T, AddressError> {
    let wrong = || AddressError::choice(name, &all.iter().map(|one| text(*one)).collect::<Vec<_>>());
    all.iter().copied().find(|one| text(*one) == value).ok_or_else(wrong)
}

/// `1`, `true` and `yes` switch on; `0`, `false` and `no` switch off.
fn flag(name: &str, value: &str) -> Result<bool, AddressError> {
    match value {
        "1" | "true" | "yes" => Ok(true),
        "0" | "false" | "no" => Ok(false),
        _ => Err(AddressError::choice(name, &["yes", "no"])),
    }
}

fn votes(value: &str) -> Result<u16, AddressError> {
    let wrong = |_| AddressError::new("votes", format!("a whole number from 0 to {}", u16::MAX));
    value.parse().map_err(wrong)
}

fn spread(value: &str) -> Result<Spread, AddressError> {
    let wrong = || AddressError::new("spread", format!("a standard deviation from 0 to {}", Spread::MAX));
    value.parse().ok().and_then(Spread::new).ok_or_else(wrong)
}

fn number(name: &str, value: &str) -> Result<u32, AddressError> {
    let wrong = |_| AddressError::new(name, format!("a whole number from 0 to {}", u32::MAX));
    value.parse().map_err(wrong)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Any list.
    fn rankings() -> impl Strategy<Value = Ranking> {
        let number = || prop::option::of(prop::num::f64::NORMAL | prop::num::f64::ZERO);
        let text = || prop::option::of("\\PC{1,12}");
        (
            (
                prop::sample::select(&Sort::ALL),
                prop::sample::select(&Order::ALL),
                prop::sample::select(&Watch::ALL),
            ),
            (number(), number(), 0..2_000_000_000_000_000_i64),
            (text(), text(), any::<bool>(), any::<bool>(), any::<u32>()),
            (any::<u16>(), prop::option::of(0.0..=Spread::MAX)),
        )
            .prop_map(
                |(
                    (sort, order, watch),
                    (min, max, at),
                    (text, listing, one, hidden, seed),
                    (votes, spread),
                )| {
                    let key = |number| match sort {
                        Sort::Newest => Key::Time(DateTime::from_timestamp_micros(at).unwrap()),
                        _ => Key::Number(number),
                    };
                    let seed = if sort == Sort::Random { seed } else { 0 };
                    let (min, max) = (min.map(key), max.map(key));
                    Ranking {
                        sort,
                        order,
                        watch,
                        min,
                        max,
                        text,
                        listing,
                        one_per_listing: one,
                        hidden,
                        votes,
                        spread: spread.and_then(Spread::new),
                        seed,
                    }
                },
            )
    }

    proptest! {
        #[test]
        fn a_list_is_read_back_from_its_address_as_it_was_written(ranking in rankings()) {
            prop_assert_eq!(ranking.to_string().parse::<Ranking>().unwrap(), ranking);
        }

        #[test]
        fn any_other_text_is_refused_in_words_and_nothing_breaks(query in "\\PC*") {
            if let Err(error) = query.parse::<Ranking>() {
                prop_assert!(!error.to_string().is_empty());
            }
        }
    }

    #[test]
    fn the_usual_list_has_an_empty_query_and_so_has_an_untouched_form() {
        assert_eq!(Ranking::default().to_string(), "");
        assert_eq!("sort=quality&order=desc&watch=any&min=&max=&q=&after=x".parse(), Ok(Ranking::default()));
    }

    #[test]
    fn a_misspelt_parameter_is_no_other_list() {
        let refused = Ranking::strictly("q=dial&wacth=yes&after=x").unwrap_err().to_string();
        assert_eq!(refused, "wacth must be left out: a list has no such parameter");
        assert_eq!(Ranking::strictly("votes=many").unwrap_err().parameter, "votes");
        let list = Ranking { watch: Watch::Yes, votes: 2, ..Ranking::default() };
        assert_eq!(Ranking::strictly(&format!("{list}&after=place&min=")), Ok(list), "as copied from a page");
    }

    proptest! {
        #[test]
        fn whatever_a_list_writes_is_a_list(ranking in rankings()) {
            prop_assert_eq!(Ranking::strictly(&ranking.to_string()), Ok(ranking));
        }
    }

    #[test]
    fn what_cannot_be_read_takes_nothing_else_along() {
        let (read, problems) = Ranking::read("q=dial&sort=newest&min=5&votes=many&watch=yes");
        let kept = Ranking {
            sort: Sort::Newest,
            watch: Watch::Yes,
            text: Some("dial".to_owned()),
            ..Ranking::default()
        };
        assert_eq!(read, kept);
        let named: Vec<_> =
            problems.iter().map(|problem| (&*problem.parameter, problem.is_of_another_sort)).collect();
        assert_eq!(named, [("votes", false), ("min", true)]);
        let (day, problems) = Ranking::read("sort=newest&min=2026-11-28&max=2026-11-27");
        assert!(problems.is_empty() && day.is_reversed());
        assert_eq!(day.to_string(), "sort=newest&min=2026-11-28&max=2026-11-27", "a day comes back as a day");
    }

    #[test]
    fn a_day_counts_whole() {
        let one: Ranking = "sort=newest&min=2026-11-28&max=2026-11-28".parse().unwrap();
        let told: Ranking =
            "sort=newest&min=2026-11-28T00:00:00Z&max=2026-11-28T23:59:59.999999Z".parse().unwrap();
        assert_eq!(one, told);
        let midnight: Ranking = "sort=newest&max=2026-11-28T00:00:00Z".parse().unwrap();
        assert_eq!(midnight.to_string().parse(), Ok(midnight), "a moment stays a moment");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let refused = |query: &str| query.parse::<Ranking>().unwrap_err().to_string();
        assert_eq!(
            refused("sort=beauty"),
            "sort must be one of: quality, watch, human, newest, sharpness, random"
        );
        assert_eq!(refused("min=five"), "min must be a number");
        assert_eq!(refused("sort=random&seed=-1"), "seed must be a whole number from 0 to 4294967295");
        assert_eq!(
            refused("sort=newest&max=5"),
            "max must be a moment such as 2026-01-31T12:00:00Z, or a day such as 2026-01-31"
        );
        assert_eq!(refused("hidden=maybe"), "hidden must be one of: yes, no");
        assert_eq!(refused("votes=many"), "votes must be a whole number from 0 to 65535");
        assert_eq!(refused("spread=5"), "spread must be a standard deviation from 0 to 4.5");
    }
}
