//! Which images of a catalog would change sides under another threshold.

use serde::Serialize;

use crate::domain::{Confidence, Threshold};

/// What a threshold needs to know of an image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CatalogImage<Id> {
    /// Which image.
    pub id: Id,
    /// What the model said.
    pub confidence: Confidence,
    /// What people said, if they did: it decides whatever the threshold is.
    pub verdict: Option<bool>,
}

impl<Id> CatalogImage<Id> {
    /// The watch label: people's verdict, else whether the confidence is above the threshold.
    pub fn is_watch(&self, threshold: Threshold) -> bool {
        self.verdict.unwrap_or_else(|| threshold.is_watch(self.confidence))
    }
}

/// An image on whose side of the threshold the proposal disagrees with the one in use.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flip<Id> {
    /// The image.
    pub image: CatalogImage<Id>,
    /// Whether the proposal calls it a watch.
    pub becomes_watch: bool,
}

impl<Id> Flip<Id> {
    /// Whether people had said so already; `None` where they have said nothing.
    pub fn is_right(&self) -> Option<bool> {
        self.image.verdict.map(|verdict| verdict == self.becomes_watch)
    }
}

/// How many change sides, and in which direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Flips {
    /// Called a watch from now on.
    pub to_watch: u64,
    /// No longer called a watch.
    pub to_other: u64,
}

/// What changes in a catalog if the threshold does.
#[derive(Clone, Debug, PartialEq)]
pub struct WhatIf<Id> {
    /// Images that count as watches now, people's verdicts included.
    pub watches_before: u64,
    /// Images that would count as watches.
    pub watches_after: u64,
    /// Images without a verdict that change sides, and so change their label.
    pub unlabelled: Flips,
    /// Images with a verdict on which the model changes its mind; their label stays.
    pub labelled: Flips,
    /// Of the labelled ones, how many the proposal has right, and the threshold in use had wrong.
    pub labelled_mended: u64,
    /// The unlabelled flips that lie nearest to the proposal, at most as many as asked for, nearest first.
    pub shown_unlabelled: Vec<Flip<Id>>,
    /// The same of the labelled flips.
    pub shown_labelled: Vec<Flip<Id>>,
}

impl<Id: Copy + Ord> WhatIf<Id> {
    /// Compares `proposed` with `current` over a catalog, and keeps at most `shown` images of either kind.
    pub fn of(
        images: impl IntoIterator<Item = CatalogImage<Id>>,
        current: Threshold,
        proposed: Threshold,
        shown: usize,
    ) -> Self {
        let mut what_if = Self {
            watches_before: 0,
            watches_after: 0,
            unlabelled: Flips::default(),
            labelled: Flips::default(),
            labelled_mended: 0,
            shown_unlabelled: Vec::new(),
            shown_labelled: Vec::new(),
        };
        for image in images {
            what_if.watches_before += u64::from(image.is_watch(current));
            what_if.watches_after += u64::from(image.is_watch(proposed));
            let becomes_watch = proposed.is_watch(image.confidence);
            if becomes_watch != current.is_watch(image.confidence) {
                what_if.count(Flip { image, becomes_watch });
            }
        }
        for flips in [&mut what_if.shown_unlabelled, &mut what_if.shown_labelled] {
            keep_nearest(flips, proposed, shown);
        }
        what_if
    }

    fn count(&mut self, flip: Flip<Id>) {
        let (flips, shown) = match flip.is_right() {
            None => (&mut self.unlabelled, &mut self.shown_unlabelled),
            Some(right) => {
                self.labelled_mended += u64::from(right);
                (&mut self.labelled, &mut self.shown_labelled)
            }
        };
        *(if flip.becomes_watch { &mut flips.to_watch } else { &mut flips.to_other }) += 1;
        shown.push(flip);
    }
}

fn keep_nearest<Id: Copy + Ord>(flips: &mut Vec<Flip<Id>>, proposed: Threshold, shown: usize) {
    let distance = |flip: &Flip<Id>| (flip.image.confidence.get() - proposed.get()).abs();
    // Ties by id, so that the same question has the same answer.
    let nearer = |a: &Flip<Id>, b: &Flip<Id>| {
        distance(a).total_cmp(&distance(b)).then_with(|| a.image.id.cmp(&b.image.id))
    };
    if shown < flips.len() {
        flips.select_nth_unstable_by(shown, nearer);
        flips.truncate(shown);
    }
    flips.sort_unstable_by(nearer);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flips_are_split_by_verdict_and_a_verdict_keeps_its_label() {
        let image = |id, confidence, verdict| CatalogImage {
            id,
            confidence: Confidence::new(confidence).unwrap(),
            verdict,
        };
        let images = [
            image(1, 0.05, None),
            image(2, 0.2, None),
            image(3, 0.3, None),
            image(4, 0.3, Some(false)),
            image(5, 0.35, Some(true)),
            image(6, 0.4, None),
            image(7, 0.9, None),
        ];
        let threshold = |value| Threshold::new(value).unwrap();
        let raised = WhatIf::of(images, threshold(0.05), threshold(0.4), 2);
        assert_eq!((raised.watches_before, raised.watches_after), (5, 2));
        assert_eq!(raised.unlabelled, Flips { to_watch: 0, to_other: 3 });
        assert_eq!(raised.labelled, Flips { to_watch: 0, to_other: 2 });
        assert_eq!(raised.labelled_mended, 1);
        let shown: Vec<_> = raised.shown_unlabelled.iter().map(|flip| flip.image.id).collect();
        assert_eq!(shown, [6, 3]);
        let lowered = WhatIf::of(images, threshold(0.4), threshold(0.05), 2);
        assert_eq!(lowered.unlabelled, Flips { to_watch: 3, to_other: 0 });
    }
}
