//! Votes with who gave them; most people vote on few images.

/// One vote.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rating {
    /// The image, numbered from 0.
    pub image: u32,
    /// Who voted, numbered from 0.
    pub annotator: u32,
    /// The score.
    pub score: f64,
}

/// Why votes cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum RatingsError {
    /// Two votes of one annotator on one image.
    #[error("annotator number {annotator} voted twice on image number {image}: keep one of the votes")]
    Twice {
        /// The image.
        image: u32,
        /// The annotator.
        annotator: u32,
    },
    /// A score that is no finite number.
    #[error("the vote of annotator number {annotator} on image number {image} is {score}, which is no score")]
    Score {
        /// The image.
        image: u32,
        /// The annotator.
        annotator: u32,
        /// What stands there.
        score: f64,
    },
}

/// Votes sorted by image: what exists is stored, what is missing takes no room.
#[derive(Clone, Debug, PartialEq)]
pub struct Ratings {
    /// Where each image's votes begin; one more entry than images.
    starts: Vec<u32>,
    annotators: usize,
    votes: Vec<(u32, f64)>,
}

impl Ratings {
    /// Sorts `ratings`. Images and annotators without votes are fine.
    ///
    /// # Errors
    /// A score is not finite, or somebody voted twice on an image.
    pub fn new(mut ratings: Vec<Rating>) -> Result<Self, RatingsError> {
        ratings.sort_unstable_by_key(|rating| (rating.image, rating.annotator));
        for pair in ratings.windows(2) {
            let Rating { image, annotator, .. } = pair[0];
            if (image, annotator) == (pair[1].image, pair[1].annotator) {
                return Err(RatingsError::Twice { image, annotator });
            }
        }
        if let Some(&Rating { image, annotator, score }) =
            ratings.iter().find(|rating| !rating.score.is_finite())
        {
            return Err(RatingsError::Score { image, annotator, score });
        }
        let size =
            |of: fn(&Rating) -> u32| ratings.iter().map(|rating| of(rating) as usize + 1).max().unwrap_or(0);
        let (images, annotators) = (size(|rating| rating.image), size(|rating| rating.annotator));
        let mut starts = vec![0_u32; images + 1];
        ratings.iter().for_each(|rating| starts[rating.image as usize + 1] += 1);
        for image in 0..images {
            starts[image + 1] += starts[image];
        }
        let votes = ratings.into_iter().map(|rating| (rating.annotator, rating.score)).collect();
        Ok(Self { starts, annotators, votes })
    }

    /// The same with at least so many images and annotators: the last ones may be without votes.
    #[must_use]
    pub fn with_at_least(mut self, images: usize, annotators: usize) -> Self {
        let end = self.votes.len() as u32;
        self.starts.resize(self.starts.len().max(images + 1), end);
        self.annotators = self.annotators.max(annotators);
        self
    }

    /// How many images there are: one more than the highest number, or as many as were asked for.
    pub fn images(&self) -> usize {
        self.starts.len() - 1
    }

    /// How many annotators there are, in the same way.
    pub const fn annotators(&self) -> usize {
        self.annotators
    }

    /// How many votes there are.
    pub fn len(&self) -> usize {
        self.votes.len()
    }

    /// Whether there is no vote.
    pub fn is_empty(&self) -> bool {
        self.votes.is_empty()
    }

    /// The votes on each image: who gave them, and the score.
    pub fn by_image(&self) -> impl ExactSizeIterator<Item = &[(u32, f64)]> {
        self.starts.windows(2).map(|ends| &self.votes[ends[0] as usize..ends[1] as usize])
    }
}
