"""The command with bad input: one sentence that says what to do, exit code 2, never a traceback."""

import json
import subprocess
import sys
from unittest import mock

import pytest

from glassnet.train.run_folder import write_config

from .command import glassnet


def refused(*arguments, cwd="."):
    """The sentence that refuses the arguments."""
    done = glassnet(*arguments, cwd=cwd)
    assert done.returncode == 2, done.stdout
    assert done.stderr.startswith("glassnet: ")
    assert len(done.stderr.splitlines()) == 1
    return done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("trian digits", "No such command 'trian'. Did you mean 'train'? Try `glassnet --help`."),
        ("train digits --lr banana", "Invalid value for '--lr': expected a number, got 'banana'."),
        ("train digits --epochs 1.5", "Invalid value for '--epochs': expected a whole number, got '1.5'."),
        ("train digits --lrr 1", "No such option"),
        ("train digits more", "unexpected extra argument"),
        ("train digits --hidden", "requires an argument"),
        ("train", "say what to train on: digits, mnist, fashion-mnist, names, a table or a text file"),
        ("train letters", "no data set 'letters'"),
        ("train digts", "Did you mean digits?"),
        ("train data.csv.gz", "Files end in .csv, .tsv, .parquet, .txt, .txt.gz."),
        ("train digits --target x", "--target is for tables; digits is none. Leave it out."),
        ("train names --missing drop", "--missing is for tables; names is none"),
        ("train digits --context 4", "--context is for names and texts; digits is none"),
        ("train names --root x", "--root is for mnist and fashion-mnist; names is none"),
        ("train digits --root x", "'digits' comes with the package and has no option root"),
        ("train digits --lr -1", "lr must be a number of at least 0 and below 1e+300, got -1.0."),
        ("train digits --lr nan", "lr must be a number of at least 0 and below 1e+300, got nan."),
        ("train digits --weight-decay -1", "weight-decay must be a number of at least 0"),
        ("train digits --l1 -1", "l1 must be a number of at least 0"),
        ("train digits --label-smoothing 1", "label-smoothing must be a number of at least 0 and below 1, got 1.0."),
        ("train digits --average 1", "average must be a number of at least 0 and below 1, got 1.0."),
        ("train digits --patience 0", "patience must be a whole number from 1 to 1,000,000, got 0."),
        ("train digits --dropout 1", "dropout must be a number of at least 0 and below 1, got 1.0."),
        (
            "train digits --hidden 16,x",
            "--hidden expects whole numbers separated by commas, such as 16,16, got '16,x'.",
        ),
        ("train digits --hidden 16,-2", "hidden must be at most 100 widths from 1 to 1,000,000, got (16, -2)."),
        ("train digits --hidden 1000000000000", "hidden must be at most 100 widths from 1 to 1,000,000"),
        ("train digits --activation rleu", "tanh, sigmoid, got 'rleu'. Did you mean 'relu'?"),
        ("train digits --optimizer foo", "optimizer must be one of sgd, rmsprop, adam, adamw, got 'foo'."),
        ("train digits --schedule foo", "schedule must be one of constant, step, exponential, cosine"),
        ("train digits --port 80", "--host and --port are for the page: give --view, too."),
        ("train digits --view --port 99999", "--port must be a whole number from 0 to 65,535, got 99999."),
        ("train digits --view --host 0.0.0.0", "--host must be one address of this machine"),
        ("train names --model bigram-counts --view", "--view is for trainings; counts are made at once."),
        ("view nowhere", "there is no folder nowhere."),
        ("report nowhere", "there is no folder nowhere."),
        ("train digits --epochs 0", "epochs must be a whole number from 1 to 1,000,000, got 0."),
        ("train digits --batch-size 0", "batch-size must be a whole number"),
        ("train digits --seed -1", "seed must be a whole number from 0"),
        ("train names --context 0", "context must be a whole number from 1"),
        ("train digits --model mlp", "--model is for names and texts; digits is none"),
        ("train digits --preset best", "--preset is for names and texts; digits is none"),
        ("train names --model wavnet", "model must be one of bigram-counts, bigram, mlp, wavenet, got 'wavnet'. Did"),
        ("train names --preset bets", "preset must be one of lecture-mlp, lecture-wavenet, best, got 'bets'. Did you"),
        ("train names --model wavenet --context 6", "a context that is a power of its fan-in 2, got 6. Use 4 or 8."),
        ("train names --model wavenet --hidden 5,5", "takes one hidden width for all of them or 3, got 2."),
        ("train names --model wavenet --fan-in 1", "fan-in must be a whole number from 2 to 1,000, got 1."),
        ("train names --fan-in 2", "--fan-in is for wavenet, not for mlp. Leave it out."),
        ("train names --model bigram --embedding 5", "--embedding is for mlp and wavenet, not for bigram. Leave it"),
        ("train names --model bigram --context 3", "a bigram sees 1 character, got --context 3. Use mlp or"),
        ("train names --model bigram --smoothing 1", "--smoothing is for bigram-counts, not for bigram. Leave it out."),
        ("train names --model bigram-counts --lr 1", "--lr is for bigram and mlp and wavenet, not for bigram-counts."),
        ("train names --model bigram-counts --context 5", "context 5 has 27**6 entries; at most 67,108,864 are kept."),
        ("train names --preset best --model mlp", "--preset best is a wavenet, not a mlp. Leave out one of them."),
        ("train names --epochs 1 --steps 1", "give either --epochs or --steps, not both."),
        ("train names --steps 0", "steps must be a whole number from 1"),
        ("train names --momentum 0.5", "--momentum is for sgd; adamw has none of that name. Leave it out."),
        ("lr-find names --model bigram-counts", "bigram-counts has no weights to train. Use --model bigram."),
        ("compare digits", "--model is for names and texts; digits is none"),
        ("train digits --lr 1e39 --epochs 1", "the loss became"),
        ("train none.csv", "none.csv is a table: say which column to predict with --target COLUMN."),
        ("train none.csv --target x", "none.csv cannot be read: No such file"),
        ("train none.txt", "none.txt cannot be read: No such file"),
        ("train mnist --root here", "here is not a folder"),
        ("train digits --config none.toml", "none.toml cannot be read as TOML: No such file"),
        ("train digits --folder /dev/null/x", "the folder /dev/null/x cannot be made"),
        ("lr-find digits --start 2 --end 1", "needs 0 < start < end"),
        ("lr-find digits --steps 3", "steps must be a whole number of at least 10"),
        ("evaluate", "Missing argument 'RUN'. Try `glassnet evaluate --help`."),
        ("evaluate nothing", "nothing is not the folder of a run"),
        ("predict nothing x.png", "nothing is not the folder of a run"),
        ("sample nothing", "nothing is not the folder of a run"),
        ("score nothing a", "nothing is not the folder of a run"),
        ("summary nothing", "nothing is not the folder of a run"),
        ("plot nothing", "nothing is not the folder of a run"),
        ("resume nothing", "nothing is not the folder of a run"),
        ("data lst", "No such command 'lst'. Did you mean 'list'?"),
    ],
)
def test_bad_arguments(arguments, words):
    assert words in refused(*arguments.split())


def test_too_little_memory():
    reason = "Unable to allocate 3.64 TiB for an array with shape (1000000, 1000000) and data type float32"
    with mock.patch("glassnet.recipe.parts.mlp", side_effect=MemoryError(reason)):
        assert f"not enough memory: {reason}. Try a smaller network, batch" in refused("train", "digits")


def test_a_process_of_its_own_ends_with_exit_code_2(tmp_path):
    command = [sys.executable, "-m", "glassnet", "train", "digits", "--lr", "1e39", "--epochs", "1"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("glassnet: the loss became nan at step")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("epochs = 'many'", "run.toml: epochs must be a whole number from 1 to 1,000,000, got 'many'."),
        ("epoch = 3", "run.toml: there is no option 'epoch'. Did you mean 'epochs'?"),
        ("[train]\nepochs = 3", "run.toml: there is no option 'train'."),
        ("hidden = [true]", "run.toml: hidden must be a list of whole numbers, such as [16, 16], got [True]."),
        ("batch-norm = 1", "run.toml: batch-norm must be true or false, got 1."),
        ("data = 3", "run.toml: data must be a text, got 3."),
        ("lr = ", "run.toml cannot be read as TOML"),
        ("lr = true", "run.toml: lr must be a number of at least 0 and below 1e+300, got True."),
    ],
)
def test_a_bad_file_of_configuration(text, words, tmp_path):
    (tmp_path / "run.toml").write_text(text)
    assert words in refused("train", "digits", "--config", "run.toml", cwd=tmp_path)


def classes_csv(rows=60, columns="width,kind"):
    return "\n".join([columns, *(f"{i / 10},{'yn'[i % 2]}" for i in range(rows))]) + "\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "t.csv cannot be read as a table: empty CSV."),
        ("width,kind\n", "t.csv holds no rows"),
        (classes_csv(columns="width,sort"), "t.csv has no column 'kind'. It has 'width', 'sort'."),
        (classes_csv(columns="width,Kind"), "t.csv has no column 'kind'. Did you mean 'Kind'?"),
        (classes_csv(columns="kind,kind"), "t.csv has two columns named 'kind'. Name each column once."),
        (classes_csv(rows=3), "t.csv: split 2 of 3 (fraction 0.1) would be empty: there are only 3 rows."),
        (classes_csv() + "oops,y\n", "t.csv row 61: column 'width' holds 'oops', but most of its values are numbers."),
        (classes_csv(columns=",kind"), "t.csv: column 1 has no name. Give it one, or leave it out."),
        (classes_csv() + ",y\n", "t.csv row 61: column 'width' has no value"),
        (classes_csv() + "1,y,3\n", "t.csv cannot be read as a table: row 61 has more values than there are columns."),
        (
            classes_csv().replace(",n", ",y"),
            "t.csv has only one class, 'y', in column 'kind': there is nothing to learn.",
        ),
    ],
)
def test_a_table_that_cannot_be_learned(content, words, tmp_path):
    pytest.importorskip("polars")
    (tmp_path / "t.csv").write_text(content)
    assert words in refused("train", "t.csv", "--target", "kind", cwd=tmp_path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "t.txt holds no items"),
        (b"\n \n", "t.txt holds no items"),
        (b"one\n", "t.txt: split 2 of 3 (fraction 0.1) would be empty: there is only 1 row."),
        (b"a.b\ncd\n", "t.txt: item 'a.b' holds '.', which marks the boundary of items. Remove it."),
        (b"x" * 2000, "t.txt line 1 has 2000 characters; the limit is 1000."),
        ("größe\n".encode("latin-1"), "t.txt line 1 is not UTF-8 text"),
        (b"\x00\x01\n", "t.txt line 1 holds the control character"),
    ],
)
def test_a_text_that_cannot_be_learned(content, words, tmp_path):
    (tmp_path / "t.txt").write_bytes(content)
    assert words in refused("train", "t.txt", cwd=tmp_path)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a short run of each kind: on pictures, a text and a table."""
    place = tmp_path_factory.mktemp("runs")
    (place / "words.txt").write_text("\n".join(f"{a}{b}{c}" for a in "abcdefgh" for b in "aeiou" for c in "xyz"))
    (place / "t.csv").write_text(classes_csv())
    for arguments in ("digits --batch-size 500", "words.txt", "t.csv --target kind"):
        name = arguments.split()[0].split(".")[0]
        done = glassnet("train", *arguments.split(), "--epochs", 1, "--folder", name, cwd=place)
        assert done.returncode == 0, done.stderr
    return place


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("sample digits", "a network of digits is not a language model: there is nothing to sample."),
        ("sample t", "a network of t is not a language model"),
        ("sample words --count 0", "count must be a whole number of at least 1, got 0."),
        ("sample words --temperature 0", "temperature must be above 0, got 0.0."),
        ("sample words --top-k 0", "top-k must be a whole number from 1 to 15, got 0."),
        ("sample words --prompt ab9", "the prompt 'ab9' holds '9', which the model has never seen; it knows"),
        (f"sample words --prompt {'a' * 40}", "the prompt has 40 characters; items are cut off at 40."),
        ("score words ab9", "item 'ab9' holds the character '9', which is not in the vocabulary"),
        ("score digits 5", "digits is not a language model: it scores no texts."),
        ("score words", "Missing argument 'TEXT...'."),
        ("sample words --temperature nan", "temperature must be above 0, got nan."),
        (
            "predict words x.png",
            "words was trained on a text and reads no files. Sample it with `glassnet sample words`.",
        ),
        ("predict digits", "Missing argument 'FILE...'."),
        ("predict digits rows.csv", "digits reads pictures, such as PNG files; rows.csv is none."),
        ("predict t x.png", "t reads tables (.csv, .tsv, .parquet); x.png is none."),
        ("predict digits bad.png", "bad.png is not a picture"),
        ("predict digits missing.png", "missing.png does not exist."),
        ("predict digits words", "words cannot be read: it is not a file."),
        ("predict t missing.csv", "missing.csv cannot be read: No such file"),
        ("train digits --folder digits", "Go on with it with `glassnet resume digits`, or choose another folder."),
        ("resume digits", "digits is complete: 15 of 15 steps are made. Ask for more epochs"),
        ("resume digits --epochs 0", "epochs must be a whole number from 1"),
        ("evaluate t.csv", "t.csv is not the folder of a run"),
        ("plot digits --output t.csv", "the folder t.csv cannot be made"),
        ("plot digits --format xyz", "cannot be written to digits/curves.xyz: Format 'xyz' is not supported"),
        ("plot digits --format .", "needs an ending that says its format, such as .png"),
    ],
)
def test_runs_and_files_of_the_wrong_kind(arguments, words, place):
    (place / "bad.png").write_text("no picture")
    assert words in refused(*arguments.split(), cwd=place)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("kind\ny\n", "new.csv has no column 'width'; it has 'kind'."),
        ("width\nbroad\n", "new.csv row 1: column 'width' must hold numbers, got 'broad'."),
        ("width,x\n1,1\n,1\n", "new.csv row 2: column 'width' has no value"),
        ("width,x\n,1\n", "new.csv row 1: column 'width' has no value"),
        ("width\n", "new.csv holds no rows"),
    ],
)
def test_new_rows_that_do_not_fit(content, words, place):
    (place / "new.csv").write_text(content)
    assert words in refused("predict", "t", "new.csv", cwd=place)


def test_a_file_that_changed_since_the_training(place):
    path, before = place / "words.txt", (place / "words.txt").read_text()
    path.write_text(before + "\nnewer")
    try:
        for command in ("evaluate", "sample", "resume", "plot"):
            assert "words.txt is not the file any more that words was trained on." in refused(
                command, "words", cwd=place
            )
    finally:
        path.write_text(before)
    assert glassnet("evaluate", "words", cwd=place).returncode == 0


@pytest.mark.parametrize(
    ("key", "value"),
    [("hidden", "16"), ("hidden", [0, 1]), ("epochs", None), ("data", 3), ("seed", True), ("activation", "x")],
)
def test_a_recipe_that_was_tampered_with(key, value, place, tmp_path):
    config = json.loads((place / "digits" / "config.json").read_text())
    config["recipe"][key] = value
    for file in (place / "digits").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    write_config(tmp_path, config)  # with a seal of its own, or the change itself would be noticed
    assert f"the recipe of this run is damaged: {key} must be" in refused("evaluate", tmp_path)
