//! A ranked list as the query of an address: what a form sends, what a link carries, what can be mailed.

use std::{fmt, str::FromStr};

use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, Utc};

use super::{Key, Order, Ranking, Sort, Spread, Watch};

/// Something in an address that is no list, in a sentence that names the parameter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AddressError(String);

impl AddressError {
    fn choice(name: &str, choices: &[&str]) -> Self {
        Self(format!("{name} must be one of: {}", choices.join(", ")))
    }
}

/// Reads the query of an address. Empty values count as absent, as a form sends them; parameters that mean nothing
/// here (a place in the list, say) are passed over.
impl FromStr for Ranking {
    type Err = AddressError;

    fn from_str(query: &str) -> Result<Self, AddressError> {
        let mut ranking = Self::default();
        let (mut min, mut max, mut seed) = (None, None, 0);
        for (name, value) in url::form_urlencoded::parse(query.trim_start_matches('?').as_bytes()) {
            if value.is_empty() {
                continue;
            }
            match &*name {
                "sort" => ranking.sort = choice(&name, &value, &Sort::ALL, Sort::as_str)?,
                "order" => ranking.order = choice(&name, &value, &Order::ALL, Order::as_str)?,
                "watch" => ranking.watch = choice(&name, &value, &Watch::ALL, Watch::as_str)?,
                "min" => min = Some(value.into_owned()),
                "max" => max = Some(value.into_owned()),
                "q" => ranking.text = Some(value.into_owned()),
                "listing" => ranking.listing = Some(value.into_owned()),
                "one_per_listing" => ranking.one_per_listing = flag(&name, &value)?,
                "hidden" => ranking.hidden = flag(&name, &value)?,
                "votes" => ranking.votes = votes(&value)?,
                "spread" => ranking.spread = Some(spread(&value)?),
                "seed" => seed = number(&name, &value)?,
                _ => {}
            }
        }
        ranking.seed = if ranking.sort == Sort::Random { seed } else { 0 };
        ranking.min = min.map(|text| Key::bound("min", ranking.sort, &text)).transpose()?;
        ranking.max = max.map(|text| Key::bound("max", ranking.sort, &text)).transpose()?;
        Ok(ranking)
    }
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
        write("min", self.min.map(|bound| bound.to_string()));
        write("max", self.max.map(|bound| bound.to_string()));
        write("q", self.text.clone());
        write("listing", self.listing.clone());
        write("one_per_listing", self.one_per_listing.then(|| "yes".to_owned()));
        write("hidden", self.hidden.then(|| "yes".to_owned()));
        write("votes", (self.votes > 0).then(|| self.votes.to_string()));
        write("spread", self.spread.map(|spread| spread.get().to_string()));
        f.write_str(&query.finish())
    }
}

/// As a bound is written in an address.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Time(time) => f.write_str(&time.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
        }
    }
}

impl Key {
    /// A bound of the sort key, from the parameter `name`: a number; for `newest` a moment (RFC 3339) or a day (UTC).
    ///
    /// # Errors
    /// What the parameter must be.
    pub fn bound(name: &str, sort: Sort, text: &str) -> Result<Self, AddressError> {
        if sort == Sort::Newest {
            let day =
                |text: &str| text.parse::<NaiveDate>().map(|day| day.and_time(NaiveTime::MIN).and_utc());
            let moment = text.parse::<DateTime<Utc>>().or_else(|_| day(text)).ok();
            // What PostgreSQL's timestamps can hold, with room to spare.
            let kept = moment.filter(|moment| (0..253_402_300_800).contains(&moment.timestamp()));
            let wrong =
                || AddressError(format!("{name} must be a moment such as 2026-01-31T12:00:00Z, or a day"));
            return kept.map(Key::Time).ok_or_else(wrong);
        }
        let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
        number.map(Key::Number).ok_or_else(|| AddressError(format!("{name} must be a number")))
    }
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
    let wrong = |_| AddressError(format!("votes must be a whole number from 0 to {}", u16::MAX));
    value.parse().map_err(wrong)
}

fn spread(value: &str) -> Result<Spread, AddressError> {
    let wrong = || AddressError(format!("spread must be a standard deviation from 0 to {}", Spread::MAX));
    value.parse().ok().and_then(Spread::new).ok_or_else(wrong)
}

fn number(name: &str, value: &str) -> Result<u32, AddressError> {
    let wrong = |_| AddressError(format!("{name} must be a whole number from 0 to {}", u32::MAX));
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
            "max must be a moment such as 2026-01-31T12:00:00Z, or a day"
        );
        assert_eq!(refused("hidden=maybe"), "hidden must be one of: yes, no");
        assert_eq!(refused("votes=many"), "votes must be a whole number from 0 to 65535");
        assert_eq!(refused("spread=5"), "spread must be a standard deviation from 0 to 4.5");
    }
}
