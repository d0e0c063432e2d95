//! Whether there are enough labelled images to go by, in words.

use super::findings::Findings;
use crate::{
    calibration::{AUDIT_LEAST, Evaluation},
    gallery::words,
};

/// An interval of F1 that is wider than this to either side decides little.
const GOOD_TO: f64 = 0.05;

/// Whether there are enough labelled images, and how many more it would take.
pub fn in_words(findings: &Findings) -> String {
    let Some(evaluation) = &findings.everything else {
        return "It takes labelled images with a watch and without one.".to_owned();
    };
    format!("{} {}", of_everything(evaluation), of_audit(findings.audit_kinds))
}

/// Images with a watch, and without.
fn kinds(evaluation: &Evaluation) -> (usize, usize) {
    (evaluation.positives, evaluation.n - evaluation.positives)
}

/// Whether an evaluation rests on too few images of a kind for its intervals to be believed: resamples of a few images
/// know of no others.
fn is_thin(evaluation: &Evaluation) -> bool {
    let (watches, others) = kinds(evaluation);
    watches.min(others) < AUDIT_LEAST
}

/// *4 with a watch, 1 without: too few* – what a column of figures rests on.
pub fn head(evaluation: Option<&Evaluation>) -> String {
    evaluation.map_or_else(String::new, |evaluation| {
        let (watches, others) = kinds(evaluation);
        let few = if is_thin(evaluation) { ": too few" } else { "" };
        format!("{watches} with a watch, {others} without{few}")
    })
}

fn of_everything(evaluation: &Evaluation) -> String {
    if is_thin(evaluation) {
        return too_few(evaluation);
    }
    if evaluation.confusion.fp + evaluation.confusion.fn_ == 0.0 {
        return without_errors(evaluation);
    }
    match evaluation.intervals.f1 {
        Some(sure) => precision_in_words((sure.high - sure.low) / 2.0, evaluation.n),
        None => "How sure F1 is cannot be told from so few.".to_owned(),
    }
}

fn too_few(evaluation: &Evaluation) -> String {
    let (watches, others) = kinds(evaluation);
    let lacking = [(watches, "with a watch"), (others, "without")]
        .into_iter()
        .filter(|(number, _)| *number < AUDIT_LEAST)
        .map(|(number, kind)| format!("{} more {kind}", AUDIT_LEAST - number))
        .collect::<Vec<_>>()
        .join(" and ");
    format!(
        "These are too few to say how good the model is: {watches} with a watch and {others} without, where it takes \
         {AUDIT_LEAST} of each – {lacking}. Until then every interval here is narrower than it should be."
    )
}

/// The share of wrong labels that as many right ones leave possible: at the upper end of the one-sided 95 % interval,
/// 1 − 0.05^(1/n) (Clopper and Pearson 1934; about 3/n). Photographs of one listing count once.
fn without_errors(evaluation: &Evaluation) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a number of listings")]
    let possible = 1.0 - 0.05_f64.powf(1.0 / evaluation.groups.max(1) as f64);
    format!(
        "The model labels all {} as people do, so there is no error that an interval could be told from. As many right ones \
         do not rule out that up to {:.1} % of labels are wrong (95 % bound).",
        evaluation.n,
        possible * 100.0
    )
}

fn precision_in_words(half: f64, n: usize) -> String {
    if half <= GOOD_TO {
        // Rounded up: no interval is nothing wide.
        let known = ((half * 1000.0).ceil() / 1000.0).max(0.001);
        return format!("F1 is known to ±{known:.3}: enough for most decisions.");
    }
    // An interval narrows with the square root of the number of images.
    #[expect(clippy::cast_precision_loss, reason = "a number of images")]
    let more = n as f64 * ((half / GOOD_TO).powi(2) - 1.0);
    format!(
        "F1 is known to ±{half:.3} only; about {} more labelled {} would bring that to ±{GOOD_TO:.3}.",
        format_args!("{:.0}", more.ceil()),
        if more <= 1.0 { "image" } else { "images" }
    )
}

fn of_audit((watches, others): (usize, usize)) -> String {
    if watches >= AUDIT_LEAST && others >= AUDIT_LEAST {
        return "The audit set has enough of both kinds to confirm a threshold.".to_owned();
    }
    format!(
        "Of the audit set, {} and {others} without have fair labels, where {AUDIT_LEAST} of each are needed to confirm a \
         threshold: it grows with blind rounds in random order.",
        words::counted(
            i64::try_from(watches).unwrap_or(i64::MAX),
            "image with a watch",
            "images with a watch"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        calibration::{Label, Labels, evaluate},
        domain::{Confidence, Threshold},
        statistics::Sampling,
    };

    /// Watches at 0.9 and others at 0.1, of which `wrong` lie on the other side.
    fn labelled(watches: u32, others: u32, wrong: u32) -> Evaluation {
        let label = |number: u32, watch: bool| {
            let confidence = if watch == (number >= wrong) { 0.9 } else { 0.1 };
            Label::new(Confidence::new(confidence).unwrap(), watch)
        };
        let watches = (0..watches).map(|number| label(number, true));
        let labels: Vec<Label> = watches.chain((0..others).map(|number| label(number, false))).collect();
        evaluate(&Labels::new(&labels).unwrap(), Threshold::new(0.5).unwrap(), Sampling::default())
    }

    #[test]
    fn few_images_are_never_called_enough() {
        let five = labelled(4, 1, 0);
        assert!(five.intervals.f1.is_some_and(|sure| sure.low >= 1.0), "the resamples know of no error");
        assert_eq!(
            of_everything(&five),
            "These are too few to say how good the model is: 4 with a watch and 1 without, where it takes 30 of each – \
             26 more with a watch and 29 more without. Until then every interval here is narrower than it should be."
        );
        assert_eq!(head(Some(&five)), "4 with a watch, 1 without: too few");
        assert!(of_everything(&labelled(40, 12, 3)).contains("where it takes 30 of each – 18 more without."));
    }

    #[test]
    fn an_audit_set_of_one_kind_is_counted_too() {
        assert!(
            of_audit((0, 8))
                .starts_with("Of the audit set, 0 images with a watch and 8 without have fair labels")
        );
        assert!(of_audit((30, 30)).contains("enough of both kinds"));
    }

    #[test]
    fn no_errors_are_no_certainty() {
        assert_eq!(
            of_everything(&labelled(40, 60, 0)),
            "The model labels all 100 as people do, so there is no error that an interval could be told from. As many right \
             ones do not rule out that up to 3.0 % of labels are wrong (95 % bound)."
        );
    }

    #[test]
    fn a_wide_interval_says_how_many_images_it_lacks_and_a_narrow_one_is_not_nothing() {
        assert!(
            of_everything(&labelled(40, 40, 8)).contains(" more labelled images would bring that to ±0.050.")
        );
        assert_eq!(precision_in_words(0.000_2, 9000), "F1 is known to ±0.001: enough for most decisions.");
    }
}
