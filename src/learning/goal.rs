//! What a threshold is chosen for, as the address of the Threshold page says it.

use std::str::FromStr;

use serde::{Deserialize, Deserializer, de::Error};

use crate::calibration::Objective;

/// The goals by name, with what the page calls them.
pub const GOALS: [(&str, &str); 6] = [
    ("f1", "the best F1"),
    ("accuracy", "the best accuracy"),
    ("youden", "the best recall + specificity"),
    ("recall", "a recall of at least"),
    ("precision", "a precision of at least"),
    ("cost", "the lowest cost, a miss against a false alarm being"),
];

/// The objective with this name; `least` is the value that some of them name.
pub fn objective(goal: &str, least: Option<f64>) -> Option<Objective> {
    let share = |usual: f64| least.filter(|least| (0.0..=1.0).contains(least)).unwrap_or(usual);
    Some(match goal {
        "f1" => Objective::F1,
        "accuracy" => Objective::Accuracy,
        "youden" => Objective::Youden,
        "recall" => Objective::RecallAtLeast { recall: share(0.95) },
        "precision" => Objective::PrecisionAtLeast { precision: share(0.95) },
        "cost" => Objective::Cost {
            miss: least.filter(|cost| *cost > 0.0 && cost.is_finite()).unwrap_or(5.0),
            false_alarm: 1.0,
        },
        _ => return None,
    })
}

/// The query of the Threshold page that asks for `objective`.
pub fn query(objective: Objective) -> String {
    match objective {
        Objective::F1 => "goal=f1".to_owned(),
        Objective::Accuracy => "goal=accuracy".to_owned(),
        Objective::Youden => "goal=youden".to_owned(),
        Objective::RecallAtLeast { recall } => format!("goal=recall&least={recall}"),
        Objective::PrecisionAtLeast { precision } => format!("goal=precision&least={precision}"),
        Objective::Cost { miss, false_alarm } => format!("goal=cost&least={}", miss / false_alarm),
    }
}

/// What the gain of `objective` is counted in.
pub const fn measure(objective: Objective) -> &'static str {
    match objective {
        Objective::F1 => "F1",
        Objective::Accuracy => "accuracy",
        Objective::Youden => "recall + specificity",
        Objective::RecallAtLeast { .. } => "precision at the recall that is asked for",
        Objective::PrecisionAtLeast { .. } => "recall at the precision that is asked for",
        Objective::Cost { .. } => "cost saved per image",
    }
}

/// A number from a form, which sends a field that is left empty as an empty text.
pub fn given<'de, D: Deserializer<'de>, T: FromStr>(deserializer: D) -> Result<Option<T>, D::Error> {
    let text = String::deserialize(deserializer)?;
    match text.trim() {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| D::Error::custom(format!("{text:?} is no number"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_goal_survives_the_address() {
        for (name, _) in GOALS {
            let chosen = objective(name, Some(0.5)).unwrap();
            let query = query(chosen);
            let mut parts = query.split(['=', '&']).skip(1).step_by(2);
            let (goal, least) = (parts.next().unwrap(), parts.next().map(|least| least.parse().unwrap()));
            assert_eq!((goal, objective(goal, least)), (name, Some(chosen)));
        }
        assert_eq!(objective("colour", None), None);
    }
}
