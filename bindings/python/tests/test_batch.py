"""Archives on a local Ray. Every image has one row, also after workers die."""

import io
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager, suppress

import numpy as np
import psutil
import pyarrow.parquet as pq
import pytest
from moto.server import ThreadedMotoServer
from PIL import Image
from pyarrow import fs

import mcdrl
from conftest import ASSETS, MODEL
from mcdrl.batch import segment_archive
from mcdrl.batch.command import main

ray = pytest.importorskip("ray")
IMAGES = 500


@pytest.fixture(scope="module", autouse=True)
def cluster():
    # Credentials of the simulated object storage. The workers inherit them.
    os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true"}
    # Ray counts a GPU that does not exist.
    ray.init(num_cpus=2, num_gpus=1, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """499 images in folders, and a file that is not an image."""
    folder = tmp_path_factory.mktemp("archive")
    samples = sorted((ASSETS / "samples").glob("*/images/*.png"))
    for index in range(IMAGES - 1):
        place = folder / f"ward-{index % 7}"
        place.mkdir(exist_ok=True)
        shutil.copy(samples[index % len(samples)], place / f"{index:04}.png")
    (folder / "broken.jpg").write_text("not an image")
    return folder


def rows(out):
    return pq.read_table(out / "results").to_pylist()


def workers():
    """The processes that hold the model."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if "MapWorker" in " ".join(process.cmdline()):
                found.append(process)
    return found


@contextmanager
def memory_of_workers():
    """Samples of the memory that each worker of the block does not share, in bytes, by process ID."""
    # Workers of an earlier run may still be alive.
    others, held, over = {process.pid for process in workers()}, {}, threading.Event()

    def watch():
        while not over.wait(0.1):
            for process in (process for process in workers() if process.pid not in others):
                with suppress(psutil.Error):
                    held.setdefault(process.pid, []).append(process.memory_full_info().uss)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield held
    finally:
        over.set()
        watching.join()


def test_every_image_has_one_row_after_a_worker_is_killed(archive, tmp_path, capsys):
    out = tmp_path / "out"
    killed = []

    def kill_one(progress):
        if progress.done > IMAGES // 5 and not killed:
            victim = workers()[0]
            killed.append(victim.pid)
            os.kill(victim.pid, signal.SIGKILL)
            # As if it had died while it wrote.
            (out / "masks" / f"half.png.{'0' * 32}.part").write_bytes(b"half")

    summary = segment_archive(archive, out, MODEL, workers=2, device="cpu", on_progress=kill_one)
    assert killed
    assert (summary.images, summary.segmented, summary.failed) == (IMAGES, IMAGES - 1, 1)
    found = rows(out)
    assert len(found) == IMAGES and len({row["image"] for row in found}) == IMAGES
    assert len({row["worker"] for row in found if row["worker"]}) == 3, "two workers and one replacement"
    broken = next(row for row in found if row["image"] == "broken.jpg")
    assert broken["error_code"] == "image" and broken["mask"] is None and broken["unfamiliar"] is None

    # The masks equal those of a single process.
    with mcdrl.ImageSegmenter.create_from_options(model=MODEL, device="cpu") as segmenter:
        for row in [row for row in found if row["mask"]][::97]:
            mask = np.asarray(Image.open(out / row["mask"]))
            alone = segmenter.segment(archive / row["image"])
            assert np.mean(mask != alone.category_mask) < 0.002
            assert sum(weight["weight"] for weight in row["confounders"]) == pytest.approx(1, abs=1e-3)
            for written, seen in zip(row["confounders"], alone.confounders, strict=True):
                assert written["presence"] == pytest.approx(seen.presence, abs=1e-3)
                assert 0 <= written["area"] <= 1
            assert row["unfamiliar"] == pytest.approx(alone.unfamiliar, abs=1e-3)
            assert row["expected_dice"] == pytest.approx(alone.expected_dice, abs=1e-3)
            assert len(row["disturbances"]) == len(alone.disturbances)
            assert row["active_area"] == list(alone.active_area)
    assert not list(out.rglob("*.part"))

    # A second run has nothing to do and changes nothing.
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    again = segment_archive(archive, out, MODEL, workers=2, device="cpu", resume=True)
    assert (again.segmented, again.failed, again.done_before) == (0, 0, IMAGES)
    assert before == {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    with pytest.raises(mcdrl.SegmenterError, match="has results already"):
        segment_archive(archive, out, MODEL, workers=2)

    # The speed compared with a single process on this machine.
    files = [path.read_bytes() for path in sorted(archive.glob("ward-*/*.png"))[:150]]
    with mcdrl.ImageSegmenter.create_from_options(model=MODEL, device="cpu") as segmenter:
        started = time.perf_counter()
        for file in files:
            segmenter.segment(file)
        alone = len(files) / (time.perf_counter() - started)
    undisturbed = segment_archive(archive, tmp_path / "again", MODEL, workers=2, device="cpu")
    with capsys.disabled():
        ratio = undisturbed.images_per_second / alone
        print(f"\nRay with 2 workers is {ratio:.2f} × as fast as one process with all cores, with the workers' start")


def test_an_interrupted_run_resumes(archive, tmp_path):
    out = tmp_path / "out"

    class Interrupted(Exception):
        pass

    def stop(progress):
        if progress.done >= 40:
            raise Interrupted

    with pytest.raises(Interrupted):
        segment_archive(archive, out, MODEL, workers=2, device="cpu", on_progress=stop)
    first = len(rows(out))
    assert 40 <= first < IMAGES
    with memory_of_workers() as held:
        summary = segment_archive(archive, out, MODEL, workers=2, device="cpu", resume=True)
    assert summary.done_before == first
    long = [samples for samples in held.values() if len(samples) >= 10]
    assert long
    for samples in long:
        half = len(samples) // 2
        assert max(samples[half:]) <= 1.05 * max(samples[:half]), "the memory of a worker grows"
    found = rows(out)
    assert len(found) == IMAGES and len({row["image"] for row in found}) == IMAGES


def test_few_large_pictures_are_in_memory_at_a_time(tmp_path, capsys):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    noise = np.random.default_rng(1).integers(0, 255, (2000, 2000, 3), np.uint8)
    Image.fromarray(noise).save(pictures / "00.png", compress_level=1)
    for index in range(1, 60):
        os.link(pictures / "00.png", pictures / f"{index:02}.png")
    size = (pictures / "00.png").stat().st_size
    batch = 30
    with memory_of_workers() as held:
        summary = segment_archive(pictures, tmp_path / "out", MODEL, workers=2, batch_size=batch, device="cpu")
    assert summary.segmented == 60
    read = Counter(int(row["worker"].rsplit(":", 1)[1]) for row in rows(tmp_path / "out"))
    for pid, count in read.items():
        peak = max(held[pid])
        with capsys.disabled():
            print(f"\nA worker needs at most {peak >> 20} MiB of memory for {count * size >> 20} MiB of pictures")
        assert peak < batch * size, "a worker holds a whole batch"


def test_manifests(archive, tmp_path, monkeypatch):
    listed = sorted(archive.glob("ward-0/*.png"))[:3]
    for suffix, text in {
        ".csv": "image,patient\n" + "".join(f"{path},7\n" for path in listed),
        ".txt": "".join(f"{path}\n" for path in listed),
        ".jsonl": "".join(f'{{"image": "{path}"}}\n' for path in listed),
    }.items():
        manifest = tmp_path / f"list{suffix}"
        manifest.write_text(text)
        out = tmp_path / f"out{suffix}"
        arguments = [str(manifest), str(out), "--model", str(MODEL), "--workers", "1"]
        monkeypatch.setattr("sys.argv", ["mcdrl-batch", *arguments])
        assert main() == 0
        assert len(rows(out)) == 3 and len(list((out / "masks").rglob("*.png"))) == 3


@pytest.mark.parametrize(
    "source, said",
    [
        ("nothing-here", "no folder or manifest"),
        ("empty", "no images"),
        ("list.csv", "column `image`"),
        ("list.xyz", "not a manifest"),
    ],
)
def test_bad_sources(tmp_path, source, said):
    (tmp_path / "empty").mkdir()
    (tmp_path / "list.csv").write_text("picture\na.png\n")
    (tmp_path / "list.xyz").write_text("a.png\n")
    with pytest.raises(mcdrl.SegmenterError, match=said):
        segment_archive(tmp_path / source, tmp_path / "out", MODEL)
    assert not (tmp_path / "out").exists()


def test_unknown_storage(archive, tmp_path):
    for source, out in [("s4://bucket/archive", tmp_path / "out"), (archive, "s4://bucket/out")]:
        with pytest.raises(mcdrl.SegmenterError, match="cannot be read"):
            segment_archive(source, out, MODEL)


def test_results_that_cannot_be_written(archive, tmp_path):
    few, out = tmp_path / "few", tmp_path / "out"
    few.mkdir()
    (few / "broken.png").write_text("not an image")
    out.mkdir()
    (out / "results").write_text("a file where the folder should be")
    with pytest.raises(mcdrl.SegmenterError, match="cannot be (read|written)"):
        segment_archive(few, out, MODEL, workers=1, device="cpu")


def test_the_command_starts_ray_by_itself(archive, tmp_path):
    few, out = tmp_path / "few", tmp_path / "out"
    few.mkdir()
    shutil.copy(next(archive.glob("ward-0/*.png")), few / "a.png")
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    # As addresses, like those of object storage.
    arguments = [few.as_uri(), out.as_uri(), "--device", "cpu", "--workers", "1"]
    command = [sys.executable, "-m", "mcdrl.batch.command", *arguments]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr
    assert "1 segmented, 0 failed" in ended.stdout
    assert [row["image"] for row in rows(out)] == ["a.png"] and (out / "masks/a.png.png").exists()


def test_object_storage(archive):
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        how = f"?scheme=http&endpoint_override={host}:{port}&region=us-east-1&allow_bucket_creation=true"
        storage, _ = fs.FileSystem.from_uri(f"s3://hospital{how}")
        storage.create_dir("hospital")
        for index, file in enumerate(sorted(archive.glob("ward-0/*.png"))[:3]):
            with storage.open_output_stream(f"hospital/archive/ward/{index}.png") as stream:
                stream.write(file.read_bytes())
        source, out = (f"s3://hospital/{folder}{how}" for folder in ("archive", "out"))
        first = segment_archive(source, out, MODEL, workers=1, device="cpu")
        assert (first.images, first.segmented) == (3, 3)
        with storage.open_input_file("hospital/out/masks/ward/0.png.png") as file:
            assert Image.open(io.BytesIO(file.read())).size == (256, 256)
        found = storage.get_file_info(fs.FileSelector("hospital/out", recursive=True))
        tables = [info.path for info in found if info.path.endswith(".parquet")]
        assert sum(pq.read_table(path, filesystem=storage).num_rows for path in tables) == 3
        second = segment_archive(source, out, MODEL, workers=1, device="cpu", resume=True)
        assert (second.segmented, second.done_before) == (0, 3)
        # A manifest in object storage.
        with storage.open_output_stream("hospital/archive/list.csv") as stream:
            stream.write(b"image\nward/1.png\n")
        source, out = f"s3://hospital/archive/list.csv{how}", f"s3://hospital/listed{how}"
        listed = segment_archive(source, out, MODEL, workers=1, device="cpu")
        assert (listed.images, listed.segmented) == (1, 1)
    finally:
        server.stop()


def test_a_damaged_model_fails_before_any_worker_starts(archive, tmp_path):
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(MODEL.read_bytes()[:1000])
    with pytest.raises(mcdrl.SegmenterError) as error:
        segment_archive(archive, tmp_path / "out", broken, workers=1)
    assert error.value.code == "model"


def test_results_inside_the_archive_are_not_segmented(tmp_path):
    for index, sample in enumerate(sorted((ASSETS / "samples").glob("*/images/*.png"))[:2]):
        shutil.copy(sample, tmp_path / f"{index} of a ward.png")
    for expected in (2, 0):
        summary = segment_archive(tmp_path, tmp_path / "out", MODEL, workers=1, device="cpu", resume=True)
        assert (summary.images, summary.segmented) == (2, expected)


def test_the_archive_may_be_inside_the_folder_of_results(archive, tmp_path):
    few = tmp_path / "ward"
    few.mkdir()
    shutil.copy(next(archive.glob("ward-0/*.png")), few / "a.png")
    summary = segment_archive(few, tmp_path, MODEL, workers=1, device="cpu")
    assert (summary.images, summary.segmented) == (1, 1)


def test_unreadable_images_are_retried(archive, tmp_path):
    listed = tmp_path / "list.txt"
    listed.write_text("there.png\nlate.png\nslide.tiff\n")
    shutil.copy(next(archive.glob("ward-0/*.png")), tmp_path / "there.png")
    with (tmp_path / "slide.tiff").open("wb") as file:
        file.truncate(2**31)
    out = tmp_path / "out"
    first = segment_archive(listed, out, MODEL, workers=1, device="cpu")
    assert (first.segmented, first.failed) == (1, 2)
    codes = {row["image"]: row["error_code"] for row in rows(out)}
    assert codes == {"there.png": None, "late.png": "unreadable", "slide.tiff": "image-too-large"}

    shutil.copy(tmp_path / "there.png", tmp_path / "late.png")
    second = segment_archive(listed, out, MODEL, workers=1, device="cpu", resume=True)
    assert (second.segmented, second.failed, second.done_before) == (1, 0, 2)
    codes = sorted((row["image"], row["error_code"]) for row in rows(out))
    assert codes == [("late.png", None), ("slide.tiff", "image-too-large"), ("there.png", None)]


def test_only_the_unfinished_files_of_a_killed_run_are_removed(archive, tmp_path):
    few, out = tmp_path / "few", tmp_path / "out"
    for folder in (few, out / "masks", out / "results"):
        folder.mkdir(parents=True)
    shutil.copy(next(archive.glob("ward-0/*.png")), few / "a.png")
    left = out / "masks" / f"a.png.png.{'0' * 32}.part"
    others = [out / "film.mkv.part", out / f"a.{'0' * 32}.part", out / "masks" / "mine.part"]
    for file in (left, *others):
        file.write_bytes(b"half")
    segment_archive(few, out, MODEL, workers=1, device="cpu")
    assert not left.exists() and all(file.exists() for file in others)


def test_workers_without_a_real_gpu_use_the_cpu(archive, tmp_path, caplog):
    few = tmp_path / "few"
    few.mkdir()
    shutil.copy(next(archive.glob("ward-0/*.png")), few / "a.png")
    segment_archive(few, tmp_path / "out", MODEL, workers=2)
    assert [row["device"] for row in rows(tmp_path / "out")] == ["cpu"]
    assert "device cpu would use all" in caplog.text


def test_another_model_cannot_resume(archive, tmp_path):
    out = tmp_path / "out"
    few = tmp_path / "few"
    few.mkdir()
    shutil.copy(next(archive.glob("ward-0/*.png")), few / "a.png")
    segment_archive(few, out, MODEL, workers=1, device="cpu")
    other = tmp_path / "other.safetensors"
    other.write_bytes(MODEL.read_bytes().replace(b"HyperKvasir", b"hyperkvasir"))
    with pytest.raises(mcdrl.SegmenterError, match="another model"):
        segment_archive(few, out, other, workers=1, device="cpu", resume=True)
    # Nor may other parts of the images be segmented.
    for options in [{"whole_frame": True}, {"tile_side": 100}]:
        with pytest.raises(mcdrl.SegmenterError, match=f"another {next(iter(options))}"):
            segment_archive(few, out, MODEL, workers=1, device="cpu", resume=True, **options)
    segment_archive(few, tmp_path / "tiles", MODEL, workers=1, device="cpu", tile_side=100, whole_frame=True)
    (row,) = rows(tmp_path / "tiles")
    assert (row["tile_side"], row["whole_frame"], row["error_code"]) == (100, True, None)
