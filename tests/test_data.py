"""Data sets: reproducible, split without leaks, read back or refused."""

import hashlib
import importlib.util
import io
import math

import numpy as np
import pytest
import torch
from notebook_cells import defined
from pixel_results import VAE, LatentHNN

from hnnlib.data import (
    PIXELS_FILE,
    PLANETS,
    PLANETS_FILE,
    PLANETS_SHA256,
    SPRING_FILE,
    Trajectories,
    load_pixels,
    load_planets,
    load_results,
    load_spring,
    simulate,
    split_by_trajectory,
    spring_dataset,
    stack,
)
from hnnlib.systems import MassSpring

SPRING = MassSpring(m=0.5, k=2.0)
load_recording = defined("15", "tool")["load_recording"]
FIELDS = ("t", "z", "z_clean", "dz_dt")


def generator(seed):
    return torch.Generator().manual_seed(seed)


def simulated(seed=0, n=50, sigma=0.1):
    z0 = torch.randn(n, 2, generator=generator(1), dtype=torch.float64)
    t = torch.linspace(0, 3, 31, dtype=torch.float64)
    return simulate(SPRING.field, z0, t, sigma, generator(seed))


def counted(*shape):
    """Trajectories whose every number is its own, (*shape, time, 2)."""
    size = math.prod(shape) * 2
    z = torch.arange(size, dtype=torch.float64).view(*shape, 2)
    return Trajectories(torch.arange(shape[-1]), z, z + 0.25, z + 0.5)


def same(a, b):
    return all(torch.equal(getattr(a, name), getattr(b, name)) for name in FIELDS)


def starts(*parts):
    """The clean starts of data sets, as a sorted list of pairs."""
    return sorted(tuple(z.tolist()) for part in parts for z in part.z_clean[:, 0])


def test_same_seed_gives_the_same_data_bit_for_bit():
    for a, b in zip(spring_dataset(3), spring_dataset(3), strict=True):
        assert same(a, b)


def test_two_seeds_share_no_start_and_no_noise():
    one, two = spring_dataset(0), spring_dataset(1)
    assert not set(starts(*one)) & set(starts(*two))
    noise = [part.z - part.z_clean for part in (one[0], two[0])]
    assert abs(torch.corrcoef(torch.stack(noise).flatten(1))[0, 1]) < 0.1


def test_making_data_leaves_the_global_generator_alone():
    before = torch.random.get_rng_state()
    spring_dataset(0)
    assert torch.equal(before, torch.random.get_rng_state())


def test_spring_dataset_follows_its_protocol():
    train, test = spring_dataset(0)
    for part in (train, test):
        assert part.z.shape == part.z_clean.shape == part.dz_dt.shape == (25, 30, 2)
        assert part.z.dtype == torch.float64
        torch.testing.assert_close(part.t, torch.linspace(0, 2.9, 30).double())
        exact = MassSpring().solution(part.z_clean[:, 0], part.t)
        torch.testing.assert_close(part.z_clean, exact, rtol=0, atol=1e-9)
        h = MassSpring().energy(part.z_clean)
        assert h.min() > 0.2 - 1e-9
        assert h.max() < 1.0 + 1e-9
    n = [len(part.z) for part in spring_dataset(0, n=11, sigma=0.5)]
    assert sum(n) == 11
    clean, _ = spring_dataset(0, sigma=0.0)
    assert torch.equal(clean.z, clean.z_clean)


@pytest.mark.parametrize("fraction, n_train", [(0.5, 25), (0.2, 10), (0.98, 49)])
def test_split_loses_no_trajectory_and_shares_none(fraction, n_train):
    data = simulated()
    train, test = split_by_trajectory(data, fraction, generator(0))
    assert len(train.z) == n_train
    assert starts(train, test) == starts(data)
    assert len(set(starts(data))) == 50


def test_split_keeps_a_trajectory_with_its_noise_and_rates():
    for part in split_by_trajectory(counted(9, 4), 0.5, generator(0)):
        assert torch.equal(part.z_clean, part.z + 0.25)
        assert torch.equal(part.dz_dt, part.z + 0.5)
        assert torch.equal(part.t, torch.arange(4))


def test_split_is_random_but_reproducible():
    data = simulated()
    a, b, c = (split_by_trajectory(data, 0.5, generator(i))[0] for i in (0, 0, 1))
    assert same(a, b)
    assert starts(a) != starts(c)
    assert not torch.equal(a.z, data.z[:25])
    assert not torch.equal(a.z, data.z[-25:])


@pytest.mark.parametrize("sigma", [0.1, 2.0])
def test_noise_has_the_promised_spread_and_spares_clean_states_and_rates(sigma):
    data = simulated(sigma=sigma)
    noise = data.z - data.z_clean
    assert noise.std().item() == pytest.approx(sigma, rel=0.05)
    assert abs(noise.mean()) < 0.06 * sigma
    exact = SPRING.solution(data.z_clean[:, 0], data.t)
    torch.testing.assert_close(data.z_clean, exact, rtol=0, atol=1e-9)
    torch.testing.assert_close(data.dz_dt, SPRING.field(data.z_clean))


def test_without_noise_measured_states_are_the_clean_ones():
    data = simulated(sigma=0.0)
    assert torch.equal(data.z, data.z_clean)


@pytest.mark.parametrize("seeds", [(), (3,)])
def test_samples_merge_trajectories_and_times(seeds):
    data = counted(*seeds, 5, 4)
    z, dz_dt = data.samples()
    assert z.shape == dz_dt.shape == (*seeds, 20, 2)
    assert torch.equal(z.reshape(-1), data.z.reshape(-1))
    assert torch.equal(dz_dt, z + 0.5)


@pytest.mark.parametrize("seeds", [(), (3,)])
def test_pairs_are_neighbours_in_time_of_one_trajectory(seeds):
    data = counted(*seeds, 5, 4)
    now, later = data.pairs()
    assert now.shape == later.shape == (*seeds, 15, 2)
    assert torch.equal(later, now + 2)
    assert torch.equal(now.reshape(-1, 3, 2), data.z[..., :-1, :].reshape(-1, 3, 2))


def test_stack_puts_seeds_side_by_side():
    parts = [spring_dataset(seed, n=6)[0] for seed in range(3)]
    data = stack(parts)
    assert data.z.shape == (3, 3, 30, 2)
    for i, part in enumerate(parts):
        assert same(
            part, Trajectories(data.t, *(x[i] for x in list(vars(data).values())[1:]))
        )


def test_the_file_holds_the_data_of_seed_0():
    for part, expected in zip(load_spring(), spring_dataset(0), strict=True):
        for name in FIELDS:
            difference = getattr(part, name) - getattr(expected, name)
            assert difference.abs().max() < 1e-10


def test_the_file_is_small_and_states_its_protocol_without_pickles():
    assert SPRING_FILE.stat().st_size < 1e6
    with np.load(SPRING_FILE, allow_pickle=False) as file:
        content = {name: file[name] for name in file}
    assert content["seed"] == 0
    assert content["sigma"] == content["dt"] == 0.1
    assert (content["energy_low"], content["energy_high"]) == (0.2, 1.0)
    assert content["system"] == "MassSpring, m = k = 1"


def written(save, *args, **kwargs):
    buffer = io.BytesIO()
    save(buffer, *args, **kwargs)
    return buffer.getvalue()


def archive(**changes):
    """The bytes of spring.npz with arrays replaced, or left out where None."""
    with np.load(SPRING_FILE) as file:
        arrays = {name: file[name] for name in file} | changes
    return written(np.savez, **{k: v for k, v in arrays.items() if v is not None})


acted: list[str] = []


def act(word):
    acted.append(word)


class Acting:
    """An object that does something when it is unpickled."""

    def __reduce__(self):
        return act, ("loaded",)  # a method, acted.append, would take its list along


GOOD = SPRING_FILE.read_bytes()
DAMAGED = {
    "empty": b"",
    "truncated": GOOD[: len(GOOD) // 2],
    "garbage": b"this is no archive\n" * 99,
    "array_missing": archive(test_z=None),
    "pickled": archive(test_z=np.array([Acting()], dtype=object)),
    "of_other_shapes": archive(test_z=np.zeros((25, 29, 2))),
    "not_finite": archive(test_z=np.full((25, 30, 2), np.nan)),
    "words": archive(test_z=np.array(["z"])),
    "single_array": written(np.save, np.zeros(3)),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_damaged_file_is_refused_with_its_path_and_a_remedy(content, tmp_path):
    path = tmp_path / "spring.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError) as error:
        load_spring(path)
    assert f"{path} is damaged" in str(error.value)
    assert "`python data/make_spring.py` builds it" in str(error.value)
    assert not acted, "a pickled object was loaded"


EVERY_LOADER = [load_spring, load_planets, load_pixels, load_results]


@pytest.mark.parametrize("load", EVERY_LOADER)
def test_a_path_may_be_a_string_and_a_folder_is_no_file(load, tmp_path):
    with pytest.raises(ValueError, match="is missing, or no file; "):
        load(str(tmp_path))
    (tmp_path / "broken").write_bytes(b"broken")
    (tmp_path / "broken.sha256").write_text("00  broken")
    with pytest.raises(ValueError, match="broken is damaged"):
        load(str(tmp_path / "broken"))


def test_a_wheel_without_the_projects_folder_says_where_the_data_are(
    tmp_path, monkeypatch
):
    path = tmp_path / "site-packages" / "data" / "spring.npz"
    monkeypatch.setattr("hnnlib.data.SPRING_FILE", path)
    with pytest.raises(ValueError, match="folder: pip install -e ."):
        load_spring(path)


def test_file_with_a_few_bytes_flipped_is_refused_wherever_they_are(tmp_path):
    path = tmp_path / "spring.npz"
    for i in range(0, len(GOOD), 997):
        flipped = bytes(b ^ 255 for b in GOOD[i : i + 100])
        path.write_bytes(GOOD[:i] + flipped + GOOD[i + 100 :])
        with pytest.raises(ValueError, match="is damaged .*make_spring.py"):
            load_spring(path)


def test_missing_file_is_refused_with_its_path_and_a_remedy(tmp_path):
    path = tmp_path / "nowhere.npz"
    with pytest.raises(ValueError) as error:
        load_spring(path)
    assert f"{path} is missing" in str(error.value)
    assert "`python data/make_spring.py` builds it" in str(error.value)


def test_whole_copy_of_the_file_is_read(tmp_path):
    path = tmp_path / "spring.npz"
    path.write_bytes(archive())
    for a, b in zip(load_spring(path), load_spring(), strict=True):
        assert same(a, b)


@pytest.mark.parametrize("sigma", [-0.1, math.nan, math.inf])
def test_noise_that_is_no_standard_deviation_is_refused(sigma):
    with pytest.raises(ValueError, match=f"sigma is {sigma}; expected 0 <= sigma"):
        simulated(sigma=sigma)


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.2, 0.01, 0.995, math.nan, math.inf])
def test_split_that_leaves_a_part_empty_is_refused(fraction):
    message = f"train_fraction is {fraction}; expected .* splits 50 trajectories"
    with pytest.raises(ValueError, match=message):
        split_by_trajectory(simulated(), fraction, generator(0))


def test_results_that_are_missing_or_damaged_say_how_to_mend_them(tmp_path):
    path = tmp_path / "results.json"
    with pytest.raises(ValueError, match="missing, or no file; `make results`"):
        load_results(path)
    for text in ('{"entries": [', "[]", "{}", '{"entries": []}'):
        path.write_text(text)
        with pytest.raises(ValueError, match="damaged .* delete a damaged one"):
            load_results(path)


def test_stacked_data_have_the_same_times():
    one, two = simulated(), simulated()
    other = Trajectories(2 * two.t, two.z, two.z_clean, two.dz_dt)
    with pytest.raises(ValueError, match="times t differ; expected the same for all"):
        stack([one, other])


def test_tolerances_of_simulated_data_can_be_set(rng):
    z0, t = torch.tensor([[1e6, 0.0]]).double(), 2.0 * torch.arange(11).double()

    def error(*tolerances):
        data = simulate(SPRING.field, z0, t, 0.0, rng, *tolerances)
        return (data.z_clean - SPRING.solution(z0, t)).abs().max() / 1e6

    assert error(1e-3, 1e-12) > 1e-6  # rtol comes first
    assert error(1e-12, 1e-3) < 1e-8
    assert error() < 1e-8


def test_rates_of_a_learned_field_carry_no_graph(rng):
    k = torch.ones(1, dtype=torch.float64, requires_grad=True)
    z0, t = torch.ones(3, 2).double(), torch.arange(3.0).double()
    data = simulate(lambda z: k * SPRING.field(z), z0, t, 0.1, rng)
    assert not any(x.requires_grad for x in vars(data).values())


def test_planets_move_as_the_readme_of_the_data_says():
    planets = load_planets()
    n, m = len(planets["train_t"]), len(planets["test_t"])
    assert planets["train_q"].shape == (len(PLANETS), n, 3) == (8, 1827, 3)
    assert planets["test_z"].shape == (len(PLANETS), m, 6) == (8, 914, 6)
    assert planets["train_t"][[0, -1]].tolist() == [-3652 / 365.25, 0]
    assert planets["test_t"][[0, -1]].tolist() == [0, 18260 / 365.25]
    together = planets["test_z"][:, 0, :3]
    assert torch.equal(planets["train_q"][:, -1], together)

    earth = PLANETS.index("Earth")  # 10 days after the solstice, near perihelion
    longitude = torch.atan2(together[earth, 1], together[earth, 0]).rad2deg()
    assert longitude.item() == pytest.approx(90 + 10, abs=1)
    assert planets["train_q"][earth, :, 2].abs().max() < 1e-3  # in the ecliptic

    q, v = planets["test_z"].chunk(2, dim=-1)
    gm = planets["gm_sun"] * (1 + planets["mass"])
    axis = 1 / (2 / q.norm(dim=-1) - (v**2).sum(dim=-1) / gm[:, None])  # vis-viva
    known = torch.tensor([0.387, 0.723, 1.0, 1.524, 5.203, 9.54, 19.2, 30.1]).double()
    torch.testing.assert_close(axis.mean(dim=1), known, rtol=1e-2, atol=0)


def test_planets_file_is_small_and_has_the_checksum_that_the_readme_states():
    content = PLANETS_FILE.read_bytes()
    assert len(content) < 1e6
    assert hashlib.sha256(content).hexdigest() == PLANETS_SHA256
    readme = PLANETS_FILE.with_name("README.md").read_text(encoding="utf-8")
    assert PLANETS_SHA256 in readme


def test_planets_that_are_missing_or_damaged_say_how_to_mend_them(tmp_path):
    path = tmp_path / "planets.npz"
    with np.load(PLANETS_FILE) as file:
        arrays = {name: file[name] for name in file}
    arrays["train_q"][0, 0, 0] += 1e-3  # a planet elsewhere, the archive sound
    content = written(np.savez_compressed, **arrays)
    for damage, said in ((None, "missing"), (content, "damaged"), (b"", "damaged")):
        if damage is not None:
            path.write_bytes(damage)
        with pytest.raises(ValueError) as error:
            load_planets(path)
        assert f"{path} is {said}" in str(error.value)
        assert "`git checkout planets.npz` in data restores it" in str(error.value)
        assert "`python data/make_planets.py`" in str(error.value)


def test_networks_of_pixels_are_small_plain_and_have_the_checksum_beside_them():
    content = PIXELS_FILE.read_bytes()
    assert len(content) <= 2e6
    note = PIXELS_FILE.with_suffix(".sha256").read_text(encoding="ascii")
    assert note.split() == [hashlib.sha256(content).hexdigest(), "pixels.npz"]
    with np.load(PIXELS_FILE, allow_pickle=False) as file:
        assert {file[name].dtype for name in file} == {np.dtype("float32")}
        assert set(file) == set(load_pixels())


def test_networks_of_pixels_fit_the_models_and_nothing_but_them_is_kept():
    stored = load_pixels()
    models = torch.nn.ModuleDict({"vae": VAE(seed=5), "hnn": LatentHNN(seed=5)})
    weights = {k: x for k, x in stored.items() if k.startswith(("vae.", "hnn."))}
    models.load_state_dict(weights)
    rest = {name.split(".")[0] for name in stored.keys() - weights.keys()}
    assert rest == {"clock", "history", "no_waves", "no_constraint", "no_motion"}
    steps = {len(x) for name, x in stored.items() if name.startswith("history.")}
    assert steps == {4600}


def test_networks_of_pixels_that_are_missing_or_damaged_say_how_to_mend_them(tmp_path):
    path, note = tmp_path / "pixels.npz", tmp_path / "pixels.sha256"
    good, sound = PIXELS_FILE.read_bytes(), PIXELS_FILE.with_suffix(".sha256")
    remedy = r"`git checkout pixels\.\*` in data restores it, `make results` trains it"
    with pytest.raises(ValueError, match=f"pixels.sha256 is missing.*{remedy}"):
        load_pixels(path)
    note.write_bytes(sound.read_bytes())
    with pytest.raises(ValueError, match=f"pixels.npz is missing.*{remedy}"):
        load_pixels(path)
    for at in range(0, len(good), len(good) // 7):
        path.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        with pytest.raises(ValueError, match=f"damaged .its checksum is.*{remedy}"):
            load_pixels(path)
    path.write_bytes(good)
    assert load_pixels(path).keys() == load_pixels().keys()
    for text in (b"", b"0  pixels.npz\n", b"\xff\xff"):
        note.write_bytes(text)
        with pytest.raises(ValueError, match=f"is damaged.*{remedy}"):
            load_pixels(path)


def test_planets_are_those_of_the_ephemeris():
    pytest.importorskip("de421")
    script = PLANETS_FILE.with_name("make_planets.py")
    spec = importlib.util.spec_from_file_location("make_planets", script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, array in module.arrays().items():
        difference = load_planets()[name] - torch.from_numpy(array)
        assert difference.abs().max() < 1e-12, name


HEADER = "%o v\n"
ROWS = "  0.0e+000  5.0e+000  1.25e+000 -5.0e-001 \n  0.0  5.5  1.0  -1.5 \n"


def recording(tmp_path, text):
    path = tmp_path / "real_pend_h_1.txt"
    path.write_text(text)
    return path


def test_recorded_pendulum_is_read_as_times_and_states(tmp_path):
    t, z = load_recording(recording(tmp_path, HEADER + ROWS))
    assert t.tolist() == [5.0, 5.5]
    assert z.tolist() == [[1.25, -0.5], [1.0, -1.5]]
    assert t.dtype == z.dtype == torch.float64


@pytest.mark.parametrize("path", ["nowhere.txt", "no_folder/nowhere.txt"])
def test_missing_recording_is_refused_with_its_path_and_its_source(path, tmp_path):
    path = tmp_path / path
    with pytest.raises(ValueError) as error:
        load_recording(path)
    assert f"{path} is missing" in str(error.value)
    assert "Schmidt & Lipson, Science 324, 81 (2009)" in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0 1 2\n0 2 3\n", "it has 3 columns; expected 4"),
        ("0.1 0.2\n0.3 0.4\n", "it has 2 columns; expected 4"),
        ("0 1 2 3 4\n0 2 3 4 5\n", "it has 5 columns; expected 4"),
        ("0 1 2 3\n", r"t has shape \(1,\); expected .* 2 or more"),
        (ROWS + "0 5.0 1.0 1.0\n", "t goes from 5.5 to 5 at 1; expected rising"),
        (ROWS + "1 6.0 1.0 1.0\n", "it has several trials; expected one"),
        (ROWS + "0 5.5 1.0 1.0\n", "t goes from 5.5 to 5.5 at 1; expected rising"),
        (ROWS + "0 6.0 nan 1.0\n", r"a row at \[2\] is \[0.0, 6.0, nan, 1.0\]"),
        (ROWS + "0 6.0 inf 1.0\n", r"a row at \[2\] is \[0.0, 6.0, inf, 1.0\]"),
        (ROWS + "0 6.0 word 1.0\n", "could not convert string 'word' .* at row 2"),
        (ROWS + "0 6.0 1.0\n", "columns changed from 4 to 3 at row 3"),
        ("0,1,2,3\n0,2,3,4\n", "could not convert string '0,1,2,3'"),
    ],
)
def test_recording_of_another_format_is_refused_with_path_row_and_format(
    text, message, tmp_path
):
    path = recording(tmp_path, HEADER + text)
    expected = f"{path} is damaged .*{message}.*; expected rows of trial, rising time"
    with pytest.raises(ValueError, match=expected):
        load_recording(path)


def test_recording_that_is_no_text_is_refused_with_its_path(tmp_path):
    path = tmp_path / "film.avi"
    path.write_bytes(bytes(range(256)))
    with pytest.raises(
        ValueError, match=f"{path} is damaged .* expected rows of trial"
    ):
        load_recording(str(path))


@pytest.mark.parametrize("mark, separator", [("\ufeff", " "), ("", "\t")])
def test_recordings_of_other_editors_are_read(mark, separator, tmp_path):
    text = (
        mark
        + HEADER
        + "\n".join(separator.join(row.split()) for row in ROWS.split("\n"))
    )
    path = tmp_path / "own.txt"
    path.write_text(text, encoding="utf-8")
    t, z = load_recording(path)
    assert t.tolist() == [5.0, 5.5] and z.tolist() == [[1.25, -0.5], [1.0, -1.5]]


@pytest.mark.filterwarnings("ignore:.*input contained no data")
def test_empty_recording_is_refused(tmp_path):
    with pytest.raises(ValueError, match="expected rows of trial, rising time"):
        load_recording(recording(tmp_path, ""))


def test_rates_are_those_of_fields_with_a_constant_for_each_trajectory(rng):
    k = torch.linspace(1, 3, 30).double()[:, None]  # as many trajectories as times
    t = torch.linspace(0, 2.9, 30, dtype=torch.float64)

    def field(z):
        return torch.cat([z[..., 1:], -k * z[..., :1]], dim=-1)

    data = simulate(field, torch.ones(30, 2).double(), t, 0.0, rng)
    torch.testing.assert_close(data.dz_dt[..., 0], data.z[..., 1])
    torch.testing.assert_close(data.dz_dt[..., 1], -k * data.z[..., 0])
