//! What the Models page says of a pair, of numbers that moved, and of what could not be done.

use crate::{
    domain::Task,
    gallery::words,
    store::{model_change::Kept, model_versions::Moved},
};

/// Why the pages do not show what they were to show, or what else was done.
pub(super) fn notice(done: Option<&str>) -> Option<&'static str> {
    match done? {
        "waiting" => Some("Images wait for that pair: the pages show it as soon as the last is scored."),
        "moved" => Some("The numbers of that pair moved: it would score nothing any more."),
        "gave-up" => Some(
            "The numbers are accepted. The pair that was being filled was given up for it, for one is filled at a time: activate its \
             models again when this one is filled.",
        ),
        "given-up" => Some(
            "That pair is being filled no more. Its scores stay: activated again, its models go on from there.",
        ),
        "held" => {
            Some("That pair is held. Images that are in hand are still scored; the others wait for it.")
        }
        "resumed" => Some("That pair goes on: images that wait for it are scored."),
        "retired" => Some("That pair is kept up no more: `chronograde models activate` brings it in anew."),
        _ => None,
    }
}

/// Where a pair stands.
pub(super) fn state(kept: &Kept) -> String {
    let is_filling = kept.is_filling();
    let images = words::counted(kept.images, "image", "images");
    let so_far = format!("has scored {} of {images}", words::count(kept.scored));
    match (kept.is_active, is_filling) {
        (true, _) => "the pages show it".to_owned(),
        (false, true) if !kept.is_open => "being prepared".to_owned(),
        (false, true) if kept.is_paused => format!("{so_far}; held"),
        (false, true) if kept.is_held_back() => format!(
            "{so_far}; the pages do not switch by themselves, for fewer failed with the present pair: {}",
            words::count(kept.failed_now)
        ),
        (false, true) => format!("{so_far}; the pages switch by themselves"),
        (false, false) if !kept.moved.is_empty() => format!(
            "kept up, but one cannot go back: the numbers of {} moved, so that it scores nothing",
            kept.moved.join(" and ")
        ),
        (false, false) if kept.waiting == 0 => "kept up: one can go back at once".to_owned(),
        (false, false) => {
            let waiting = words::counted(kept.waiting, "image waits", "images wait");
            format!("kept up: one can go back at once; {waiting} for it")
        }
    }
}

/// What the buttons of a pair do, where their names do not say it.
pub(super) fn note(kept: &Kept) -> Option<&'static str> {
    let is_filled = kept.is_filled();
    match (kept.is_filling(), kept.is_paused) {
        _ if kept.is_active || !kept.moved.is_empty() => None,
        (false, _) => Some("“Show this pair” goes back at once, and the present pair is kept up in its place."),
        (true, false) if is_filled && kept.fails_more() => Some(
            "“Show this pair” has the pages switch all the same: images that failed have no score there until they are tried again.",
        ),
        (true, true) if is_filled && kept.fails_more() => Some(
            "“Show this pair” has the pages switch: images that failed have no score there until they are tried again. “Go on” has it score \
             what comes in, and nothing else.",
        ),
        (true, true) if is_filled => {
            Some("While it is held the pages stay where they are: “Show this pair” has them switch now.")
        }
        (true, true) => Some(
            "“Go on” scores the images that wait, also those that came in meanwhile, and the pages switch after the last one.",
        ),
        (true, false) => (!is_filled).then_some(
            "“Hold it” stops after the images that are in hand: the others wait, new ones too, and the pages stay where they are.",
        ),
    }
}

/// What is kept and what is lost of a pair that is given up.
pub(super) const GIVING_UP: &str = "Nothing more is scored for it, and the pages do not switch to it. Scores that were made stay: activated again, its \
     models go on from there.";

/// What can be done about numbers that moved, besides going back, and the button that does it.
pub(super) fn way_out(moved: &Moved) -> (String, String) {
    match moved.number {
        Some(number) => (
            format!(
                "Or go on with version {number} of it, which says so: it scores only the images that it lacks."
            ),
            format!("Go on with version {number}"),
        ),
        None => (
            format!(
                "Or accept the new numbers as another version: every image is scored by it in the background, and the pages go on \
                 with the former scores until the last one is.{}",
                if moved.task == Task::Watch { " A threshold that was set is carried over." } else { "" }
            ),
            "Accept the new numbers".to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::GenerationState;

    #[test]
    fn one_image_is_one() {
        let filling = Kept::being_filled(1, 0);
        assert_eq!(state(&filling), "has scored 0 of 1 image; the pages switch by themselves");
        let kept_up = Kept { state: GenerationState::Live, ..filling };
        assert_eq!(state(&kept_up), "kept up: one can go back at once; 1 image waits for it");
        let filling = Kept::being_filled(2_000, 1);
        assert_eq!(state(&filling), "has scored 1 of 2,000 images; the pages switch by themselves");
        let kept_up = Kept { state: GenerationState::Live, ..filling };
        assert_eq!(state(&kept_up), "kept up: one can go back at once; 1,999 images wait for it");
    }
}
