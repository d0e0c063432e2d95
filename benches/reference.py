"""What scikit-learn, SciPy, sureal and krippendorff take for the work of `cargo bench`, and the ratio to what Criterion
measured just before. Called by reference.sh; takes the folder of Criterion's results."""

import contextlib
import io
import json
import pathlib
import sys
import time
import types
import warnings

import krippendorff
import numpy as np
from scipy import stats
from sklearn import metrics
from sureal.dataset_reader import RawDatasetReader
from sureal.subjective_model import SubjectMLEModelProjectionSolver

LABELS, RESAMPLES = 100_000, 1_000
IMAGES, RATERS, VOTES_EACH = 10_000, 100, 10
PAIRS, CATALOG = 5_000, 1_000_000
# So many resamples are really run; the time is scaled up to RESAMPLES, and the table says so.
MEASURED = 20

random = np.random.default_rng(1)


def seconds(work, repeats=3):
    """The median time of a few runs."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):
            work()
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2]


def watch_labels():
    watch = np.arange(LABELS) % 5 == 0
    spread = random.random(LABELS)
    return watch, np.where(watch, spread, spread**6)


def sweep(watch, confidence, weight=None):
    """ROC AUC, average precision, Brier, log loss, and F1 at every threshold."""
    metrics.roc_auc_score(watch, confidence, sample_weight=weight)
    metrics.average_precision_score(watch, confidence, sample_weight=weight)
    precision, recall, _ = metrics.precision_recall_curve(watch, confidence, sample_weight=weight)
    metrics.brier_score_loss(watch, confidence, sample_weight=weight)
    metrics.log_loss(watch, confidence.clip(1e-6, 1 - 1e-6), sample_weight=weight)
    return (2 * precision * recall / np.maximum(precision + recall, 1e-12)).max()


def resampled(work, n):
    """MEASURED bootstrap draws of n things, scaled up to RESAMPLES."""
    def draws():
        for _ in range(MEASURED):
            work(random.integers(0, n, n))
    return seconds(draws, 1) * RESAMPLES / MEASURED


def votes():
    """A matrix, images by raters, in which most votes are missing."""
    matrix = np.full((IMAGES, RATERS), np.nan)
    truth = 2 + 7 * random.random(IMAGES)
    first = random.integers(0, RATERS, IMAGES)
    for turn in range(VOTES_EACH):
        rater = (first + turn * 7) % RATERS
        noise = random.random((IMAGES, 4)).sum(axis=1) - 2
        score = truth + (rater % 11) / 5 - 1 + noise * (0.5 + (rater % 7) / 3)
        matrix[np.arange(IMAGES), rater] = np.clip(np.round(score), 1, 10)
    return matrix


def p910(matrix):
    """The estimate alone: the reader is given the matrix, not a file."""

    class Reader(RawDatasetReader):
        opinion_score_3darray = matrix[:, :, None]

    videos = [{"content_id": 0, "asset_id": at, "os": [1.0] * RATERS, "path": ""} for at in range(IMAGES)]
    dataset = types.SimpleNamespace(
        dataset_name="votes", ref_videos=[{"content_id": 0, "path": "", "content_name": ""}], dis_videos=videos
    )
    model = SubjectMLEModelProjectionSolver(Reader(dataset))
    return seconds(lambda: model.run_modeling(), 1)


def agreement(people, model, columns):
    stats.spearmanr(people, model)
    stats.pearsonr(people, model)
    stats.kendalltau(people, model)
    np.sqrt(np.mean((people - model) ** 2)), np.abs(people - model).mean(), (model - people).mean()
    difference = np.abs(np.cumsum(columns[0] - columns[1], axis=1))
    difference.mean(), np.sqrt((difference**2).mean(axis=1)).mean()


def pairs():
    scores = np.arange(1, 11)
    centre = random.integers(1, 9, PAIRS)
    drawn = centre[:, None] + random.integers(0, 3, (PAIRS, 20))
    shares = np.stack([(drawn == score).mean(axis=1) for score in scores], axis=1)
    bins = np.full((PAIRS, 10), 0.01)
    bins[np.arange(PAIRS), (centre + random.integers(0, 4, PAIRS)) % 10] += 0.9
    return shares @ scores, bins @ scores, (shares, bins)


def references():
    watch, confidence = watch_labels()
    many = "100,000 labels"
    yield many, "sort and sweep, all metrics, best F1", "scikit-learn", seconds(lambda: sweep(watch, confidence))
    whole = resampled(lambda draw: sweep(watch[draw], confidence[draw]), LABELS)
    yield many, "the same with 1,000 resamples of images", f"scikit-learn, {MEASURED} of 1,000", whole

    catalog = random.random(CATALOG) ** 3
    flips = lambda: np.sort(catalog[(catalog > 0.05) != (catalog > 0.2)])[:60]
    yield "1,000,000 images", "what if", "NumPy", seconds(flips)

    matrix = votes()
    people = "10,000 images, 100 raters, 10 votes each"
    yield people, "P.910", "sureal", p910(matrix)
    levels = ["nominal", "ordinal", "interval"]
    alpha = lambda: [krippendorff.alpha(matrix.T, level_of_measurement=level) for level in levels]
    yield people, "Krippendorff's alpha, three levels", "krippendorff", seconds(alpha)

    human, model, columns = pairs()
    against = "5,000 images of 20 votes"
    yield against, "twelve figures", "SciPy", seconds(lambda: agreement(human, model, columns))
    drawn = lambda draw: agreement(human[draw], model[draw], [column[draw] for column in columns])
    yield against, "twelve figures, 1,000 resamples", f"SciPy, {MEASURED} of 1,000", resampled(drawn, PAIRS)


def main(criterion):
    print(f"{'what':<75}{'here, ms':>10}{'there, ms':>11}{'ratio':>8}  there")
    for group, function, there, theirs in references():
        estimates = json.loads((criterion / group / function / "new" / "estimates.json").read_text())
        ours = estimates["median"]["point_estimate"] / 1e9
        name = f"{group}: {function}"
        print(f"{name:<75}{ours * 1e3:>10.1f}{theirs * 1e3:>11.1f}{theirs / ours:>8.1f}  {there}", flush=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(pathlib.Path(sys.argv[1]))
