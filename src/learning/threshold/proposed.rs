//! The threshold that the labels speak for, in words.

use crate::{
    calibration::Proposal,
    gallery::words,
    learning::{
        figures::{self, Figure},
        goal,
    },
};

/// A figure of the audit set beside that of everything labelled.
pub struct Compared {
    pub name: &'static str,
    pub audit: String,
    pub everything: String,
}

/// A threshold that the labels speak for.
pub struct Proposed {
    pub cut: f64,
    pub goal: String,
    pub text: String,
    pub unweighted: Option<String>,
    pub held_back: String,
    pub gain: String,
    pub audit_n: String,
    pub rows: Vec<Compared>,
    pub can_confirm: bool,
    pub looks: i64,
}

impl Proposed {
    /// `proposal` in words; the audit set was looked at `looks` times before.
    pub fn of(proposal: &Proposal, looks: i64) -> Self {
        let best = proposal.best.threshold.get();
        let differs = (proposal.unweighted.threshold.get() - best).abs() > 1e-9;
        let met = if proposal.best.met {
            ""
        } else {
            " No cut-off reaches what is asked for; this one comes nearest."
        };
        let nothing = if proposal.gain.gain > 0.0 {
            ""
        } else {
            " On images that did not choose, the present one does as well: there is nothing to gain by it."
        };
        let (n, watches) = proposal.tuned_on;
        Self {
            cut: best,
            goal: goal::in_words(proposal.objective),
            text: format!(
                "{} is best, from {} (as good as {:.0} equally chosen ones), {watches} of them watches.{met}{nothing}",
                words::probability(best),
                words::counted(i64::try_from(n).unwrap_or(i64::MAX), "label", "labels"),
                proposal.effective_size,
            ),
            unweighted: differs.then(|| words::probability(proposal.unweighted.threshold.get())),
            held_back: format!("{:.3}", proposal.held_back.metrics.f1),
            gain: figures::with(proposal.gain.gain, proposal.gain.interval),
            rows: compared(proposal),
            audit_n: proposal.audit.map_or_else(
                || "without images of both kinds".to_owned(),
                |audit| format!("{} images, {} of them watches", audit.proposed.n, audit.proposed.positives),
            ),
            can_confirm: proposal.audit_can_confirm(),
            looks,
        }
    }
}

fn compared(proposal: &Proposal) -> Vec<Compared> {
    let audit = proposal.audit.map_or_else(Vec::new, |audit| figures::of_evaluation(&audit.proposed));
    let mut audit = audit.into_iter();
    figures::of_evaluation(&proposal.everything.proposed)
        .into_iter()
        .map(|Figure { name, value: everything }| {
            let audit = audit.next().map_or_else(|| "—".to_owned(), |figure| figure.value);
            Compared { name, audit, everything }
        })
        .collect()
}
