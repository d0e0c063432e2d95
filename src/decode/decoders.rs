//! Decoding as a shared service of one process: on threads of its own, so many at a time, within one budget.

use std::{num::NonZeroUsize, sync::Arc};

use tokio::sync::Semaphore;

use super::{Budget, DecodeError, Limits, Need, Picture, decode_probed, probe};

/// The decoders of a process, shared by the pipeline and the viewer. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Decoders {
    limits: Limits,
    budget: Budget,
    free: Arc<Semaphore>,
}

impl Decoders {
    /// Decoders that run `at_once` at a time and take `budget` together.
    pub fn new(limits: Limits, budget: Budget, at_once: NonZeroUsize) -> Self {
        Self { limits, budget, free: Arc::new(Semaphore::new(at_once.get())) }
    }

    /// Decodes `bytes` and makes something of the picture, on a blocking thread, once there is memory for it and a
    /// decoder is free. A picture at which the decoder crashes is corrupt like any other.
    ///
    /// # Errors
    /// The bytes are no picture, or one that is too large.
    pub async fn decode<T: Send + 'static>(
        &self,
        bytes: Vec<u8>,
        need: Need,
        make: impl FnOnce(&Picture) -> T + Send + 'static,
    ) -> Result<T, DecodeError> {
        let header = probe(&bytes, &self.limits)?;
        let memory = self.budget.take(header.decode_bytes(need)).await;
        #[expect(clippy::expect_used, reason = "the semaphore is private and never closed")]
        let decoder = Arc::clone(&self.free).acquire_owned().await.expect("the decoders are never closed");
        let format = header.format;
        let decoded = tokio::task::spawn_blocking(move || {
            // Both are given back by the thread that uses them, also when nobody waits for it any more.
            let _held = (memory, decoder);
            decode_probed(&bytes, &header, need).map(|picture| make(&picture))
        });
        decoded.await.unwrap_or_else(|crash| {
            tracing::error!(%crash, "a decoder crashed");
            Err(DecodeError::Corrupt { format, detail: "the decoder gave up".to_owned() })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoders() -> Decoders {
        Decoders::new(Limits::default(), Budget::default(), NonZeroUsize::MIN)
    }

    /// A PNG of one pixel.
    fn png() -> Vec<u8> {
        let mut bytes = std::io::Cursor::new(Vec::new());
        image::RgbImage::new(1, 1).write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    #[tokio::test]
    async fn something_is_made_of_the_decoded_picture() {
        let size = decoders().decode(png(), Need::FULL, |picture| (picture.width, picture.height)).await;
        assert_eq!(size, Ok((1, 1)));
    }

    #[tokio::test]
    async fn a_crash_is_the_pictures_fault_and_the_next_one_is_decoded() {
        let decoders = decoders();
        let crashed = decoders.decode(png(), Need::FULL, |_| panic!("as a decoder might")).await;
        assert!(matches!(crashed, Err(DecodeError::Corrupt { .. })));
        assert_eq!(decoders.decode(png(), Need::FULL, |picture| picture.width).await, Ok(1));
    }
}
