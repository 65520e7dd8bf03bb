"""Settings: what is read, what is refused, and that page and code say the same."""

import re
import stat
from dataclasses import FrozenInstanceError
from ipaddress import ip_network
from pathlib import Path

import pytest

from fedi_cluster.kernel.errors import ClusterError, Conflict
from fedi_cluster.settings import SettingsError, all_settings, load, page, write_file

LEAST = {
    "FEDI_CLUSTER_BASE_URL": "https://szczecin.example",
    "FEDI_CLUSTER_REGION": "szczecin",
    "FEDI_CLUSTER_REGION_NAME": "Szczecin",
}


def faults(environ: dict[str, str], file: Path | None = None) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(file, environ)
    return caught.value.faults


def test_three_values_are_enough() -> None:
    settings = load(None, LEAST)
    assert settings.handle_domain == settings.host == "szczecin.example"
    assert settings.secure
    assert not settings.plain_http_allowed
    assert settings.database_url == f"sqlite:///{Path.cwd()}/fedi-cluster.sqlite"
    assert (settings.language, settings.time_zone, settings.bind) == ("en", "UTC", "127.0.0.1:8000")
    assert settings.private_networks == settings.trusted_proxies == ()
    assert settings.trust_store is None
    assert settings.cluster_admission == "any"
    assert settings.limits.inbox_body == settings.limits.remote_document == 2**20
    assert (settings.limits.redirects, settings.limits.read, settings.limits.total) == (3, 30.0, 40.0)
    with pytest.raises(FrozenInstanceError):
        settings.region = "rostock"  # type: ignore[misc]


def test_a_file_is_read_and_variables_win(tmp_path: Path) -> None:
    file = tmp_path / "fedi-cluster.toml"
    file.write_text(
        'base_url = "http://rostock.localhost:8002/"\nregion = "rostock"\nregion_name = "Rostock"\n'
        'data_dir = "data"\nprivate_networks = ["127.0.0.0/8"]\n'
        '[cluster]\nadmission = "each"\n[limits]\nread = 2\n'
    )
    settings = load(file, {"FEDI_CLUSTER_LIMITS_READ": "2.5", "FEDI_CLUSTER_REGION": "hansa", "HOME": "/x"})
    assert settings.base_url == "http://rostock.localhost:8002"
    assert settings.host == settings.handle_domain == "rostock.localhost:8002"
    assert settings.region == "hansa"
    assert settings.data_dir == tmp_path / "data"
    assert settings.database_url == f"sqlite:///{tmp_path}/data/fedi-cluster.sqlite"
    assert settings.cluster_admission == "each"
    assert settings.limits.read == 2.5
    assert settings.plain_http_allowed
    assert settings.private_networks == (ip_network("127.0.0.0/8"),)


def test_lists_in_variables_have_commas_and_empty_means_unset() -> None:
    settings = load(
        None,
        {
            **LEAST,
            "FEDI_CLUSTER_TRUSTED_PROXIES": "10.0.0.0/8, ::1/128",
            "FEDI_CLUSTER_PRIVATE_NETWORKS": "",
            "FEDI_CLUSTER_LANGUAGE": "",
        },
    )
    assert settings.trusted_proxies == (ip_network("10.0.0.0/8"), ip_network("::1/128"))
    assert settings.private_networks == ()
    assert settings.language == "en"


def test_private_networks_alone_do_not_open_plain_http() -> None:
    assert not load(None, {**LEAST, "FEDI_CLUSTER_PRIVATE_NETWORKS": "10.0.0.0/8"}).plain_http_allowed


def test_all_faults_are_told_at_once_each_with_an_example(tmp_path: Path) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(
        'base_url = "https://szczecin.example/path"\nregion = "Gryfia 1"\nworkers = 0\nlanguge = "pl"\n'
        '[cluster]\nadmission = "perhaps"\n[limits]\nread = 90\ntotal = 80.0\n'
    )
    found = faults(
        {
            "FEDI_CLUSTER_TIME_ZONE": "Mars/Olympus",
            "FEDI_CLUSTER_PRIVATE_NETWORKS": "10.0.0.1/8,0.0.0.0/0",
            "FEDI_CLUSTER_DATABASE_URL": "mysql://user:geheim@host/x",
            "FEDI_CLUSTER_REGON_NAME": "x",
            "FEDI_CLUSTER_TRUST_STORE": "/nowhere/ca.pem",
        },
        file,
    )
    starts = {fault.split(":")[0].split(" ")[0] for fault in found}
    assert starts == {
        "base_url", "region", "region_name", "workers", "languge", "cluster.admission", "limits.read",
        "FEDI_CLUSTER_TIME_ZONE", "FEDI_CLUSTER_PRIVATE_NETWORKS", "FEDI_CLUSTER_DATABASE_URL",
        "FEDI_CLUSTER_REGON_NAME", "trust_store",
    }  # fmt: skip
    assert all("example" in fault for fault in found), found
    assert "geheim" not in "".join(found)
    assert any("did you mean, for example, language?" in fault for fault in found)
    assert any("FEDI_CLUSTER_REGION_NAME?" in fault for fault in found)


@pytest.mark.parametrize(
    "url",
    [
        "szczecin.example", "ftp://szczecin.example", "https://", "https://a@b.example", "https://x.example?",
        "https://x.example#", "https://x.example/a", "https://x.example:0", "https://x.example:99999",
        "https://x.example.", "https://x .example", "https://0x7f.1", "https://x_y.example", "https://[::1",
        "https://x.example\n", "https:\\\\x.example", "https://x.example//",
    ],
)  # fmt: skip
def test_a_base_url_with_more_or_less_than_scheme_and_host_is_refused(url: str) -> None:
    assert faults({**LEAST, "FEDI_CLUSTER_BASE_URL": url})


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("HTTPS://Szczecin.Example:443/", "https://szczecin.example"),
        ("http://gryfów.example:80", "http://xn--gryfw-3ta.example"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("https://x.example:8443", "https://x.example:8443"),
    ],
)
def test_a_base_url_has_one_spelling(written: str, normal: str) -> None:
    assert load(None, {**LEAST, "FEDI_CLUSTER_BASE_URL": written}).base_url == normal


def test_variables_of_the_command_line_and_of_kubernetes_are_not_ours() -> None:
    load(
        None,
        {
            **LEAST,
            "FEDI_CLUSTER_CONFIG": "x",
            "FEDI_CLUSTER_SERVICE_HOST": "10.1.1.1",
            "FEDI_CLUSTER_PORT_80_TCP": "tcp://10.1.1.1:80",
        },
    )


def test_the_trust_store_of_the_machine_is_heard(tmp_path: Path) -> None:
    store = tmp_path / "ca.pem"
    store.write_text("x")
    assert load(None, {**LEAST, "SSL_CERT_FILE": str(store)}).trust_store == store
    assert "SSL_CERT_FILE" in faults({**LEAST, "SSL_CERT_FILE": str(tmp_path / "none.pem")})[0]


def test_a_missing_or_broken_file_is_one_fault_beside_wrong_variables(tmp_path: Path) -> None:
    found = faults({"FEDI_CLUSTER_LANGUAGE": "tlh"}, tmp_path / "none.toml")
    assert len(found) == 2
    assert "fedi-cluster init" in found[0]
    broken = tmp_path / "broken.toml"
    broken.write_text("base_url = \n")
    assert "is not TOML" in faults({}, broken)[0]


def test_the_error_belongs_to_the_family_and_reads_as_a_list() -> None:
    with pytest.raises(ClusterError, match=r"The settings have 3 faults:\n  - base_url is missing"):
        load(None, {})


def test_a_written_file_is_private_commented_and_read_back(tmp_path: Path) -> None:
    file = tmp_path / "fedi-cluster.toml"
    values = {
        "base_url": "http://szczecin.localhost:8001",
        "region": "szczecin",
        "region_name": 'Szczecin "Gryf"',
        "data_dir": tmp_path,
        "private_networks": ("127.0.0.0/8",),
        "cluster.admission": "each",
        "limits.redirects": 2,
    }
    write_file(values, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    settings = load(file, {})
    assert settings.region_name == 'Szczecin "Gryf"'
    assert settings.cluster_admission == "each"
    assert settings.limits.redirects == 2
    assert settings.data_dir == tmp_path
    written = file.read_text()
    for setting in all_settings():
        assert setting.about.text in written
    uncommented = tmp_path / "uncommented.toml"
    uncommented.write_text(
        re.sub(r"(?m)^# (?=\w+ = )", "", written).replace("/etc/ssl/our-ca.pem", str(file))
    )
    assert load(uncommented, {}).time_zone == "Europe/Warsaw"
    with pytest.raises(Conflict):
        write_file(values, file)
    with pytest.raises(KeyError):
        write_file({"regon": "x"}, tmp_path / "other.toml")


def test_every_example_and_default_is_accepted_by_its_own_reader() -> None:
    for setting in all_settings():
        assert setting.about.text.endswith((".", ")"))
        setting.about.read(setting.about.example)
        example = setting.about.example
        setting.about.read(",".join(example) if isinstance(example, list) else str(example))


def test_what_can_never_change_says_so() -> None:
    texts = {setting.key: setting.about.text for setting in all_settings()}
    assert all("never change" in texts[key] for key in ("base_url", "handle_domain"))


def test_the_page_is_made_from_the_code() -> None:
    written = Path(__file__).resolve().parents[1] / "docs" / "settings.md"
    assert written.read_text("utf-8") == page(), "run: python -m fedi_cluster.settings > docs/settings.md"
    for setting in all_settings():
        assert f"## `{setting.key}`" in page()
        assert setting.variable in page()
