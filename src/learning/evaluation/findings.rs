//! What the labelled images say of the model at its threshold: three views of the same labels, each with intervals.

use super::sufficiency;
use crate::{
    calibration::{CatalogHistogram, Evaluation, Labels, evaluate},
    domain::Threshold,
    learning::{figures, recalibration::LabelSets},
    statistics::Sampling,
    web::error::WebError,
};

/// The evaluations that can be made; one needs images with a watch and without.
pub struct Findings {
    /// Of everything labelled, as it is.
    pub everything: Option<Evaluation>,
    /// Of the same, weighted to the catalog's distribution of confidences.
    pub weighted: Option<Evaluation>,
    /// Of the audit set.
    pub audit: Option<Evaluation>,
    /// Images of the audit set with a watch and without, also where one kind is lacking and nothing can be evaluated.
    pub audit_kinds: (usize, usize),
}

/// One figure of all three.
pub struct Row {
    /// What it is called.
    pub name: &'static str,
    /// What it says, for somebody who never met it.
    pub meaning: &'static str,
    /// Of everything labelled.
    pub everything: String,
    /// Weighted to the catalog.
    pub weighted: String,
    /// Of the audit set.
    pub audit: String,
}

const NAMES: [(&str, &str); 12] = [
    (
        "ROC AUC",
        "How often a watch gets a higher confidence than another picture: 0.5 is guessing, 1 is always.",
    ),
    ("Average precision", "Precision averaged over all recalls; guessing gives the share of watches."),
    (
        "Brier score",
        "Mean squared distance of confidence and truth: 0 is best; saying 0.5 to everything gives 0.25.",
    ),
    ("Log loss", "Mean surprise at the truth, in nats: 0 is best; saying 0.5 to everything gives 0.69."),
    ("F1", "Precision and recall in one number: high only when both are."),
    ("Accuracy", "Share of pictures that get the right label."),
    ("Precision", "Of those labelled a watch, the share that is one."),
    ("Recall", "Of the watches, the share that is found."),
    ("Specificity", "Of the others, the share that is left alone."),
    ("Balanced accuracy", "Mean of recall and specificity: fair where one kind is rare."),
    ("MCC", "Correlation of label and truth, −1 to 1: 0 is guessing."),
    ("Youden’s J", "Recall + specificity − 1: 0 is guessing, 1 is perfect."),
];

impl Findings {
    /// Evaluates `threshold` on all three, away from the threads that answer requests.
    ///
    /// # Errors
    /// When the arithmetic was stopped.
    pub async fn of(
        sets: LabelSets,
        catalog: CatalogHistogram,
        threshold: Threshold,
    ) -> Result<Self, WebError> {
        let evaluate = move || Self::evaluated(&sets, &catalog, threshold);
        tokio::task::spawn_blocking(evaluate).await.map_err(WebError::internal)
    }

    fn evaluated(sets: &LabelSets, catalog: &CatalogHistogram, threshold: Threshold) -> Self {
        let evaluated = |labels: &[_]| {
            let labels = Labels::new(labels).ok()?;
            Some(evaluate(&labels, threshold, Sampling::default()))
        };
        let everything = sets.all();
        let mut weighted = everything.clone();
        catalog.weigh(&mut weighted);
        Self {
            everything: evaluated(&everything),
            weighted: evaluated(&weighted),
            audit: evaluated(&sets.audit),
            audit_kinds: {
                let watches = sets.audit.iter().filter(|label| label.watch).count();
                (watches, sets.audit.len() - watches)
            },
        }
    }

    /// What the columns rest on: everything labelled, and the audit set.
    pub fn heads(&self) -> [String; 2] {
        [&self.everything, &self.audit].map(|evaluation| sufficiency::head(evaluation.as_ref()))
    }

    /// The twelve figures, each with its intervals.
    pub fn rows(&self) -> Vec<Row> {
        let [everything, weighted, audit] = [&self.everything, &self.weighted, &self.audit].map(values);
        let columns = everything.into_iter().zip(weighted).zip(audit);
        let row = |((name, meaning), ((everything, weighted), audit))| Row {
            name,
            meaning,
            everything,
            weighted,
            audit,
        };
        NAMES.into_iter().zip(columns).map(row).collect()
    }
}

/// In the order of [`NAMES`].
fn values(evaluation: &Option<Evaluation>) -> [String; 12] {
    let Some(Evaluation { figures: of, intervals: sure, .. }) = evaluation else {
        return std::array::from_fn(|_| "—".to_owned());
    };
    [
        figures::with(of.roc_auc, sure.roc_auc),
        figures::with(of.average_precision, sure.average_precision),
        figures::with(of.brier, sure.brier),
        figures::with(of.log_loss, sure.log_loss),
        figures::with(of.f1, sure.f1),
        figures::with(of.accuracy, sure.accuracy),
        figures::with(of.precision, sure.precision),
        figures::with(of.recall, sure.recall),
        figures::with(of.specificity, sure.specificity),
        figures::with(of.balanced_accuracy, sure.balanced_accuracy),
        figures::with(of.mcc, sure.mcc),
        figures::with(of.youden_j, sure.youden_j),
    ]
}
