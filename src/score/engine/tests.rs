use futures_util::{FutureExt, future::join_all};

use super::*;
use crate::score::{
    Answer, Session,
    tests::{network, plain, runtime},
};

fn settings(max_batch: usize, queue: usize) -> EngineSettings {
    let number = |value| NonZeroUsize::new(value).unwrap();
    EngineSettings {
        intra_threads: NonZeroUsize::MIN,
        max_batch: number(max_batch),
        queue: number(queue),
        ..EngineSettings::default()
    }
}

fn engine(name: &str, settings: EngineSettings) -> Engine {
    Engine::start(runtime(), Task::Watch, &network(name), settings).unwrap()
}

/// An engine whose only thread has not been started: the test decides when it takes a batch.
fn engine_at_rest(name: &str, settings: EngineSettings) -> (Engine, Worker) {
    let (queue, requests) = mpsc::channel(settings.queue.get());
    let shared = Arc::new(Shared::new(Task::Watch, &network(name)));
    let engine =
        Engine { queue: Some(queue), threads: Vec::new(), shared: shared.clone(), features_dimension: None };
    (engine, Worker { shared, requests: Arc::new(Mutex::new(requests)), settings })
}

/// The picture number `step`: its confidence tells it from every other one.
fn picture(engine: &Engine, step: u8) -> Tensor {
    plain(engine.network(), [step.into(), 1.0, 0.0])
}

fn confidence(prediction: &Prediction) -> f64 {
    match &prediction.answer {
        Answer::Watch(score) => score.confidence.get(),
        Answer::Quality(_) => panic!("a quality answer"),
    }
}

#[tokio::test]
async fn everyone_gets_their_own_answer_under_concurrency() {
    let two_threads = EngineSettings { threads: NonZeroUsize::new(2).unwrap(), ..settings(8, 3) };
    let engine = engine("tiny-watch", two_threads);
    let answers = join_all((0..100).map(|step| engine.score(picture(&engine, step)))).await;
    for (step, answer) in (0..100_u8).zip(answers) {
        let red = f64::from(step).exp();
        let expected = red / (red + 1_f64.exp() + 1.0);
        assert!((confidence(&answer.unwrap()) - expected).abs() < 1e-6, "{step}");
    }
    let stats = engine.stats();
    assert_eq!((stats.images, stats.skipped, stats.failures), (100, 0, 0));
}

#[test]
fn what_waits_is_run_in_full_batches() {
    let (engine, worker) = engine_at_rest("tiny-watch", settings(8, 20));
    let mut waiting: Vec<_> = (0..12).map(|step| Box::pin(engine.score(picture(&engine, step)))).collect();
    for future in &mut waiting {
        assert!(future.now_or_never().is_none());
    }
    let sizes = [worker.next_batch().unwrap().len(), worker.next_batch().unwrap().len()];
    assert_eq!(sizes, [8, 4]);
}

#[test]
fn a_network_with_a_fixed_batch_is_run_in_batches_of_that_size() {
    let (engine, worker) = engine_at_rest("tiny-watch-bytes-1", settings(8, 20));
    let mut waiting: Vec<_> = (0..3).map(|step| Box::pin(engine.score(picture(&engine, step)))).collect();
    for future in &mut waiting {
        assert!(future.now_or_never().is_none());
    }
    assert_eq!(worker.next_batch().unwrap().len(), 1);
}

#[test]
fn the_queue_holds_no_more_than_its_length_and_the_rest_waits_outside() {
    let (engine, worker) = engine_at_rest("tiny-watch", settings(8, 2));
    let mut waiting: Vec<_> = (0..5).map(|step| Box::pin(engine.score(picture(&engine, step)))).collect();
    for future in &mut waiting {
        assert!(future.now_or_never().is_none());
    }
    assert_eq!(worker.requests.lock().unwrap().len(), 2);
    // As places become free, those who wait outside come in.
    assert_eq!(worker.next_batch().unwrap().len(), 2);
}

#[test]
fn a_caller_that_gave_up_is_skipped() {
    let (engine, worker) = engine_at_rest("tiny-watch", settings(8, 20));
    let mut waiting: Vec<_> = (0..3).map(|step| Box::pin(engine.score(picture(&engine, step)))).collect();
    for future in &mut waiting {
        assert!(future.now_or_never().is_none());
    }
    drop(waiting.remove(0));
    let batch = worker.next_batch().unwrap();
    assert_eq!(batch.len(), 2);
    assert_eq!(batch[0].tensor, picture(&engine, 1));
    assert_eq!(engine.stats().skipped, 1);
}

#[tokio::test]
async fn an_output_that_is_no_number_is_the_images_failure_and_nobody_elses() {
    let engine = engine("tiny-watch-nan", settings(8, 8));
    let bright = plain(engine.network(), [1.0; 3]);
    let dark = plain(engine.network(), [0.0; 3]);
    let (bright, dark) = tokio::join!(engine.score(bright), engine.score(dark));
    assert!((confidence(&bright.unwrap()) - 1.0 / 3.0).abs() < 1e-9);
    assert!(dark.unwrap_err().is_the_images_fault());
    assert_eq!(engine.stats().failures, 0);
}

/// One batch for the tiny network that fails where a batch is bright on the whole.
fn bright_batch(engine: &Engine, worker: Worker) -> Vec<Result<Prediction, ScoreError>> {
    let lights = [1.0, 0.0, 0.75];
    let mut waiting: Vec<_> =
        lights.map(|light| Box::pin(engine.score(plain(engine.network(), [light; 3])))).into();
    for future in &mut waiting {
        assert!(future.now_or_never().is_none());
    }
    let mut session = Session::open(runtime(), engine.network(), 1).unwrap();
    worker.answer(&mut session, worker.next_batch().unwrap());
    waiting.into_iter().map(|answer| answer.now_or_never().unwrap()).collect()
}

#[test]
fn a_picture_that_a_network_fails_at_is_told_from_the_others_of_its_batch() {
    let (engine, worker) = engine_at_rest("tiny-watch-broken", settings(8, 8));
    let answers = bright_batch(&engine, worker);
    assert!(answers[1].is_ok(), "{answers:?}");
    for bright in [&answers[0], &answers[2]] {
        let error = bright.as_ref().unwrap_err();
        assert!(matches!(error, ScoreError::Input(_)) && error.is_the_images_fault(), "{error}");
    }
    let stats = engine.stats();
    assert_eq!((stats.images, stats.batches, stats.failures), (3, 1, 1));
}

#[test]
fn where_a_network_no_longer_runs_on_what_it_ran_on_before_no_picture_is_to_blame() {
    let (engine, worker) = engine_at_rest("tiny-watch-broken", settings(8, 8));
    let mut session = Session::open(runtime(), engine.network(), 1).unwrap();
    let [bright, dark] = [1.0, 0.0].map(|light| plain(engine.network(), [light; 3]));
    let error = session.run(&[&bright]).unwrap_err();
    let answers = worker.one_by_one(&mut session, &[&dark, &bright], &bright, &error);
    assert_eq!(answers.len(), 2);
    for answer in answers {
        let error = answer.unwrap_err();
        assert!(matches!(error, ScoreError::Run(_)) && !error.is_the_images_fault(), "{error}");
    }
}

#[tokio::test]
async fn when_the_threads_are_gone_callers_are_told_so() {
    let (engine, worker) = engine_at_rest("tiny-watch", settings(8, 8));
    let waiting = engine.score(picture(&engine, 0));
    let (answer, ()) = tokio::join!(waiting, async move { drop(worker) });
    let error = answer.unwrap_err();
    assert!(matches!(error, ScoreError::Stopped(_)) && !error.is_the_images_fault());
}

#[tokio::test]
async fn a_tensor_of_another_shape_never_reaches_the_network() {
    let engine = engine("tiny-watch", settings(8, 8));
    for tensor in [Tensor::F32(vec![0.0; 47]), Tensor::U8(vec![0; 48])] {
        assert_eq!(engine.score(tensor).await.unwrap_err(), ScoreError::OtherShape);
    }
}

#[test]
fn an_engine_does_not_start_on_refused_weights() {
    let mut network = network("tiny-watch");
    network.output.classes = 4;
    let refused = Engine::start(runtime(), Task::Watch, &network, settings(8, 8)).unwrap_err();
    assert!(matches!(refused, OpenError::Disagree { .. }));
}

#[test]
fn the_length_of_the_features_is_known_from_the_start() {
    assert_eq!(engine("tiny-watch", settings(8, 8)).features_dimension(), Some(3));
    assert_eq!(engine("tiny-watch-crop", settings(8, 8)).features_dimension(), None);
}

#[tokio::test]
async fn a_thread_that_panics_is_reported_and_nobody_waits_for_it() {
    let mut network = network("tiny-watch");
    network.labels.clear();
    let engine = Engine::start(runtime(), Task::Watch, &network, settings(8, 8)).unwrap();
    let error = engine.score(picture(&engine, 1)).await.unwrap_err();
    assert!(matches!(error, ScoreError::Stopped(_)));
    assert!(matches!(engine.score(picture(&engine, 1)).await, Err(ScoreError::Stopped(Some(_)))));
}

#[test]
fn a_thread_that_panics_while_it_opens_is_a_refusal_that_says_so() {
    let threads = NonZeroUsize::new(2).unwrap();
    // No vector is that long.
    let settings = EngineSettings { threads, ..settings(usize::MAX, 8) };
    let refused = Engine::start(runtime(), Task::Watch, &network("tiny-watch"), settings).unwrap_err();
    assert!(refused.to_string().contains("capacity overflow"), "{refused}");
}

/// The scheduling policy of each thread of this process with this name (field 41 of `/proc/…/stat`); 5 is `SCHED_IDLE`.
#[cfg(target_os = "linux")]
fn policies_of_threads(name: &str) -> Vec<u32> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    tasks
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("stat")).ok())
        .filter(|stat| stat.contains(&format!("({name})")))
        .map(|stat| policy(&stat))
        .collect()
}

#[cfg(target_os = "linux")]
fn policy(stat: &str) -> u32 {
    stat.rsplit(") ").next().unwrap().split(' ').nth(38).unwrap().parse().unwrap()
}

#[test]
#[cfg(target_os = "linux")]
fn scoring_threads_and_their_pools_give_way_and_nobody_else_does() {
    const IDLE: u32 = 5;
    let two = NonZeroUsize::new(2).unwrap();
    let settings = EngineSettings { intra_threads: two, gives_way: true, ..settings(8, 8) };
    let _engine = Engine::start(runtime(), Task::Quality, &network("tiny-quality"), settings).unwrap();
    // The engine's thread and the second thread of its pool, which inherits name and policy.
    let gave_way = policies_of_threads("score-quality-0");
    assert_eq!(gave_way.iter().filter(|policy| **policy == IDLE).count(), 2, "{gave_way:?}");
    assert_ne!(policy(&std::fs::read_to_string("/proc/thread-self/stat").unwrap()), IDLE);
}
