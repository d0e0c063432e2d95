//! Numbers, sizes and times as people read them.

use chrono::{DateTime, TimeDelta, Utc};

/// A narrow no-break space: between a number and its unit, and between groups of three digits in none.
const THIN: char = '\u{202f}';

/// `12,345`.
pub fn count(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if number < 0 { format!("−{text}") } else { text }
}

/// How many there are, as counts are shown.
pub fn len<T>(things: &[T]) -> i64 {
    i64::try_from(things.len()).unwrap_or(i64::MAX)
}

/// `1 image`, `12,345 images`.
pub fn counted(number: i64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// A share of 1 as `46 %`; small shares keep two figures, so that 0.0046 is not nothing.
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let decimals = match percent {
        _ if percent == 0.0 || percent >= 10.0 => 0,
        _ if percent >= 1.0 => 1,
        _ if percent >= 0.1 => 2,
        _ => return format!("< 0.1{THIN}%"),
    };
    let text = format!("{percent:.decimals$}");
    // Only certainty is called so.
    let text = if text == "100" && share < 1.0 { "> 99" } else { &text };
    format!("{text}{THIN}%")
}

/// A probability with as many decimals as it takes to tell it from nothing: `0.46`, `0.005`.
pub fn probability(value: f64) -> String {
    match value {
        _ if value == 0.0 || value >= 0.095 => format!("{value:.2}"),
        _ if value >= 0.000_5 => format!("{value:.3}"),
        _ => "<0.001".to_owned(),
    }
}

/// A cut-off: up to four decimals without zeros at the end; a smaller one keeps two figures.
pub fn cut_off(value: f64) -> String {
    let text = if value >= 0.001 {
        format!("{value:.4}")
    } else {
        // 0.00046 has its first figure in the fourth place.
        let place = (1..300).find(|place| value * 10_f64.powi(*place) >= 1.0).unwrap_or(0);
        format!("{value:.*}", usize::try_from(place + 1).unwrap_or(1))
    };
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A difference with its sign and two decimals: `+0.42`, `−0.42`, `0.00`.
pub fn signed(difference: f64) -> String {
    let text = format!("{difference:+.2}");
    if matches!(&*text, "+0.00" | "-0.00") { "0.00".to_owned() } else { text.replace('-', "−") }
}

/// The share that something is above, in whole percents that it really reaches; none is not worth a word.
pub fn reached(share: f64) -> Option<String> {
    let percent = (share * 100.0).floor();
    (percent >= 1.0).then(|| format!("{percent:.0}{THIN}%"))
}

/// `35 kB`, `4.2 MB` (powers of ten, as cameras and shops count).
pub fn bytes(number: i64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "rounded to two figures anyway")]
    let mut value = number.max(0) as f64;
    let mut unit = "bytes";
    for larger in ["kB", "MB", "GB"] {
        if value < 999.5 {
            break;
        }
        value /= 1000.0;
        unit = larger;
    }
    let decimals = usize::from(unit != "bytes" && value < 9.95);
    format!("{value:.decimals$}{THIN}{unit}")
}

/// How long ago `then` was: `just now`, `5 minutes ago`, else the day.
pub fn ago(now: DateTime<Utc>, then: DateTime<Utc>) -> String {
    let passed = now - then;
    if passed < TimeDelta::seconds(10) {
        "just now".to_owned()
    } else if passed < TimeDelta::days(2) {
        format!("{} ago", span(passed))
    } else {
        format!("on {}", then.format("%-d %B %Y"))
    }
}

/// A length of time in its largest unit: `40 seconds`, `5 minutes`, `3 hours`, `2 days`.
pub fn span(length: TimeDelta) -> String {
    let seconds = length.num_seconds().max(1);
    match seconds {
        ..=90 => counted(seconds, "second", "seconds"),
        91..=5_400 => counted((seconds + 30) / 60, "minute", "minutes"),
        5_401..=129_600 => counted((seconds + 1_800) / 3_600, "hour", "hours"),
        _ => counted((seconds + 43_200) / 86_400, "day", "days"),
    }
}

/// A moment to the minute: `2026-11-23 08:41 UTC`.
pub fn moment(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

/// A moment for machines, as `<time datetime>` wants it.
pub fn stamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(
            [0, 7, 999, 1000, 12_345, 1_000_000, -4_200].map(count),
            ["0", "7", "999", "1,000", "12,345", "1,000,000", "−4,200"]
        );
    }

    #[test]
    fn shares_keep_two_figures_and_only_certainty_is_a_hundred() {
        let shown = [0.0, 0.0004, 0.0046, 0.046, 0.46, 0.998, 0.9999, 1.0].map(percent);
        let plain = shown.map(|text| text.replace(THIN, " "));
        assert_eq!(plain, ["0 %", "< 0.1 %", "0.46 %", "4.6 %", "46 %", "> 99 %", "> 99 %", "100 %"]);
    }

    #[test]
    fn a_cut_off_has_four_decimals_and_a_tiny_one_two_figures() {
        let shown = [0.470_337_230_945_006, 0.5, 0.32, 0.000_462, 0.000_05, 0.0, 1.0].map(cut_off);
        assert_eq!(shown, ["0.4703", "0.5", "0.32", "0.00046", "0.00005", "0", "1"]);
    }

    #[test]
    fn the_best_of_four_hundred_is_above_ninety_nine_percent_not_a_hundred() {
        assert_eq!(reached(399.0 / 400.0).unwrap().replace(THIN, " "), "99 %");
        assert_eq!(reached(0.004), None);
    }

    #[test]
    fn small_probabilities_are_not_nothing() {
        assert_eq!(
            [0.0, 0.0001, 0.0046, 0.01, 0.46, 1.0].map(probability),
            ["0.00", "<0.001", "0.005", "0.010", "0.46", "1.00"]
        );
    }

    #[test]
    fn differences_have_a_sign_unless_there_is_none() {
        assert_eq!(
            [0.424, -0.426, 0.004, -0.004, -10.0].map(signed),
            ["+0.42", "−0.43", "0.00", "0.00", "−10.00"]
        );
    }

    #[test]
    fn sizes_and_times_have_units() {
        assert_eq!(bytes(4_200_000).replace(THIN, " "), "4.2 MB");
        assert_eq!(bytes(512).replace(THIN, " "), "512 bytes");
        assert_eq!(bytes(999_700).replace(THIN, " "), "1.0 MB");
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let before = |seconds| ago(now, now - TimeDelta::seconds(seconds));
        assert_eq!(before(3), "just now");
        assert_eq!(before(60), "60 seconds ago");
        assert_eq!(before(300), "5 minutes ago");
        assert_eq!(before(7_200), "2 hours ago");
        assert_eq!(before(864_000), "on 5 January 2027");
    }
}
