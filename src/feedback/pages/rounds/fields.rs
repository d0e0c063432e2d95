//! What the form of a new round says.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use uuid::Uuid;

use crate::{
    domain::{GuideId, Question, ServingOrder},
    feedback::round::{Plan, REPEAT_SHARE, SAMPLE, Selection},
    gallery::words,
    store::{
        rankings::{Key, Ranking, Watch},
        rounds::NewRound,
    },
};

/// What the form of a new round says, so that a mistake does not empty it.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    pub title: String,
    pub guide: Option<i64>,
    pub asks: String,
    pub question: String,
    pub judgements: String,
    pub watch: Watch,
    pub text: String,
    pub min: String,
    pub max: String,
    pub sample: String,
    pub repeats: String,
    pub order: String,
    pub sees: String,
    pub deadline: String,
    pub images: Vec<Uuid>,
}

impl Fields {
    /// The fields of a form or an address; what is not named is as usual.
    pub fn read(pairs: &[u8]) -> Self {
        let mut fields = Self {
            asks: "quality".to_owned(),
            judgements: "10".to_owned(),
            sample: SAMPLE.to_string(),
            repeats: format!("{:.0}", REPEAT_SHARE * 100.0),
            ..Self::default()
        };
        for (name, value) in url::form_urlencoded::parse(pairs) {
            let value = value.trim().to_owned();
            match &*name {
                "title" => fields.title = value,
                "guide" => fields.guide = value.parse().ok(),
                "asks" => fields.asks = value,
                "question" => fields.question = value,
                "judgements" => fields.judgements = value,
                "watch" => {
                    fields.watch =
                        Watch::ALL.into_iter().find(|watch| watch.as_str() == value).unwrap_or_default()
                }
                "text" | "q" => fields.text = value,
                "min" => fields.min = value,
                "max" => fields.max = value,
                "sample" => fields.sample = value,
                "repeats" => fields.repeats = value,
                "order" => fields.order = value,
                "sees" => fields.sees = value,
                "deadline" => fields.deadline = value,
                "image" => fields.images.extend(value.parse::<Uuid>().ok()),
                _ => {}
            }
        }
        fields
    }

    /// The plan of a round that is opened `now`, or a sentence that says what is wrong with it.
    pub fn plan(&self, now: DateTime<Utc>) -> Result<Plan, String> {
        let whole = |text: &str, what: &str| {
            text.parse::<u32>().map_err(|_| format!("{what}: a whole number, such as 10."))
        };
        let judgements = whole(&self.judgements, "Judgements per image")?;
        let repeats = whole(&self.repeats, "Silent repeats")?;
        let sample = match self.sample.as_str() {
            "" => None,
            text => Some(usize::try_from(whole(text, "Random sample")?.max(1)).unwrap_or(usize::MAX)),
        };
        let question = match self.question.as_str() {
            "watch or clock" => Question::WatchOrClock,
            _ => Question::Watch,
        };
        Ok(Plan {
            round: NewRound {
                title: self.title.clone(),
                guide: GuideId(self.guide.ok_or("Choose a guide.")?),
                asks_quality: self.asks != "watch",
                question: (self.asks != "quality").then_some(question),
                judgements: i16::try_from(judgements).unwrap_or(i16::MAX),
                repeat_share: f64::from(repeats) / 100.0,
                blind: self.sees != "all",
                order: if self.order == "doubtful" { ServingOrder::Doubtful } else { ServingOrder::Random },
                deadline: self.deadline(now)?,
                drawn_from: self.in_words(sample),
            },
            selection: self.selection(sample)?,
        })
    }

    pub fn selection(&self, sample: Option<usize>) -> Result<Selection, String> {
        if !self.images.is_empty() {
            return Ok(Selection::Chosen(self.images.clone()));
        }
        let bound = |text: &str| match text {
            "" => Ok(None),
            text => text
                .parse::<f64>()
                .ok()
                .filter(|bound| bound.is_finite())
                .map(|bound| Some(Key::Number(bound)))
                .ok_or("Quality: a number from 1 to 10.".to_owned()),
        };
        let ranking = Ranking {
            watch: self.watch,
            min: bound(&self.min)?,
            max: bound(&self.max)?,
            text: (!self.text.is_empty()).then(|| self.text.clone()),
            ..Ranking::default()
        };
        Ok(Selection::Filter { ranking: Box::new(ranking), sample })
    }

    fn deadline(&self, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, String> {
        if self.deadline.is_empty() {
            return Ok(None);
        }
        let day: NaiveDate =
            self.deadline.parse().map_err(|_| "Deadline: a day such as 2026-12-24.".to_owned())?;
        // To the end of that day.
        let end = day.succ_opt().map(|next| next.and_time(NaiveTime::MIN).and_utc());
        if end.is_some_and(|end| end <= now) {
            return Err(format!("Deadline: today or a later day; {day} is over."));
        }
        Ok(end)
    }

    /// What the images were drawn from.
    fn in_words(&self, sample: Option<usize>) -> String {
        if !self.images.is_empty() {
            return format!(
                "{} that a manager chose",
                words::counted(words::len(&self.images), "image", "images")
            );
        }
        let mut parts = vec![match self.watch {
            Watch::Any => "all scored images".to_owned(),
            Watch::Yes => "images with a watch".to_owned(),
            Watch::No => "images without a watch".to_owned(),
            Watch::Doubtful => "images near the watch threshold".to_owned(),
        }];
        if !self.text.is_empty() {
            parts.push(format!("named “{}”", self.text));
        }
        match (self.min.as_str(), self.max.as_str()) {
            ("", "") => {}
            (min, "") => parts.push(format!("quality from {min}")),
            ("", max) => parts.push(format!("quality to {max}")),
            (min, max) => parts.push(format!("quality {min} to {max}")),
        }
        let from = parts.join(", ");
        match sample {
            Some(size) => format!("a random sample of up to {size} from {from}"),
            None => from,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_becomes_a_plan_and_says_in_words_what_it_draws_from() {
        let fields = Fields::read(
            b"title=Autumn&guide=3&asks=both&judgements=5&watch=doubtful&q=rolex&min=4&sample=100&repeats=10&deadline=2026-12-24",
        );
        let plan = fields.plan(DateTime::UNIX_EPOCH).unwrap();
        assert!(plan.round.asks_quality && plan.round.question == Some(Question::Watch) && plan.round.blind);
        assert_eq!(plan.round.deadline.unwrap().to_rfc3339(), "2026-12-25T00:00:00+00:00");
        assert_eq!(
            plan.round.drawn_from,
            "a random sample of up to 100 from images near the watch threshold, named “rolex”, quality from 4"
        );
    }

    #[test]
    fn a_mistake_is_a_sentence() {
        let now: DateTime<Utc> = "2026-11-28T12:00:00Z".parse().unwrap();
        let problem = |form: &str| Fields::read(form.as_bytes()).plan(now).unwrap_err();
        assert_eq!(problem("title=A"), "Choose a guide.");
        assert_eq!(problem("guide=1&judgements=ten"), "Judgements per image: a whole number, such as 10.");
        assert_eq!(problem("guide=1&min=a"), "Quality: a number from 1 to 10.");
        assert_eq!(problem("guide=1&deadline=soon"), "Deadline: a day such as 2026-12-24.");
        let over = "Deadline: today or a later day; 2026-11-27 is over.";
        assert_eq!(problem("guide=1&deadline=2026-11-27"), over);
        assert!(
            Fields::read(b"guide=1&judgements=5&deadline=2026-11-28").plan(now).is_ok(),
            "today counts whole"
        );
    }
}
