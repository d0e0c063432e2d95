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
    ("cost", "the lowest cost, a miss costing as many false alarms as"),
];

/// A goal that cannot be aimed at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GoalError {
    /// Nobody offers it.
    #[error("there is no goal named “{0}”")]
    Unknown(String),
    /// A share outside [0, 1].
    #[error("a recall or precision lies between 0 and 1, such as 0.95")]
    Share,
    /// A cost that is nothing, or without end.
    #[error("a miss costs as much as some number of false alarms above 0, such as 5")]
    Cost,
}

/// The objective with this name, or none where none is named; `least` is the value that some of them take.
///
/// # Errors
/// There is no such goal, or it cannot have this value.
pub fn asked(goal: &str, least: Option<f64>) -> Result<Option<Objective>, GoalError> {
    let share = || match least.unwrap_or(0.95) {
        share if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err(GoalError::Share),
    };
    let miss = || match least.unwrap_or(5.0) {
        miss if miss > 0.0 && miss.is_finite() => Ok(miss),
        _ => Err(GoalError::Cost),
    };
    Ok(Some(match goal {
        "" => return Ok(None),
        "f1" => Objective::F1,
        "accuracy" => Objective::Accuracy,
        "youden" => Objective::Youden,
        "recall" => Objective::RecallAtLeast { recall: share()? },
        "precision" => Objective::PrecisionAtLeast { precision: share()? },
        "cost" => Objective::Cost { miss: miss()?, false_alarm: 1.0 },
        other => return Err(GoalError::Unknown(other.to_owned())),
    }))
}

/// *A recall of at least 0.95*: the goal with its value.
pub fn in_words(objective: Objective) -> String {
    match objective {
        Objective::F1 => "the best F1".to_owned(),
        Objective::Accuracy => "the best accuracy".to_owned(),
        Objective::Youden => "the best recall + specificity".to_owned(),
        Objective::RecallAtLeast { recall } => format!("a recall of at least {recall}"),
        Objective::PrecisionAtLeast { precision } => format!("a precision of at least {precision}"),
        Objective::Cost { miss, false_alarm } => {
            format!("the lowest cost, where a miss costs as much as {} false alarms", miss / false_alarm)
        }
    }
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
            let chosen = asked(name, Some(0.5)).unwrap().unwrap();
            let query = query(chosen);
            let mut parts = query.split(['=', '&']).skip(1).step_by(2);
            let (goal, least) = (parts.next().unwrap(), parts.next().map(|least| least.parse().unwrap()));
            assert_eq!((goal, asked(goal, least)), (name, Ok(Some(chosen))));
        }
    }

    #[test]
    fn what_cannot_be_aimed_at_is_refused_instead_of_replaced() {
        assert_eq!(asked("", None), Ok(None));
        assert_eq!(asked("colour", None), Err(GoalError::Unknown("colour".to_owned())));
        assert_eq!(asked("recall", Some(99.0)), Err(GoalError::Share));
        assert_eq!(asked("cost", Some(0.0)), Err(GoalError::Cost));
        assert_eq!(asked("f1", Some(99.0)), Ok(Some(Objective::F1)), "the value is not for this goal");
    }
}
