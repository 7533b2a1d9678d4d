"""What can't be used stops the start with one line: which, where, what was meant."""

from __future__ import annotations

import pytest

from chatbot.core.secret import Secret
from chatbot.core.settings import SettingsError, load_settings

TOML = """
[[provider]]
name = "openai"
base_url = "https://api.example/v1/"
api_key_env = "MY_KEY"
timeouts = { first_token = 7 }

[[route]]
model = "gpt-4o*"
targets = ["openai/*"]
timeouts = { idle = 3 }
"""


@pytest.fixture
def toml(tmp_path, make_settings):
    def load(text):
        (tmp_path / "c.toml").write_text(text)
        return make_settings(CHATBOT_CONFIG=str(tmp_path / "c.toml"), MY_KEY="k" * 20)

    return load


def test_defaults_answer_from_the_mock_on_loopback(make_settings):
    settings = make_settings()
    assert (settings.host, settings.port, settings.uses_mock) == ("127.0.0.1", 8000, True)


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"PORT": "80a0"}, ["PORT in the environment", "'80a0'", "whole number"]),
        ({"PORT": "70000"}, ["PORT", "0 to 65535"]),
        ({"CHATBOT_MOCKK": "1"}, ["CHATBOT_MOCKK", "Did you mean CHATBOT_MOCK?"]),
        ({"CHATBOT_MOCK": "maybe"}, ["CHATBOT_MOCK", "true or false"]),
        ({"OPENAI_BASE_URL": "api.example"}, ["OPENAI_BASE_URL", "https://"]),
        ({"OPENAI_BASE_URL": "https://u:p@a.example"}, ["OPENAI_BASE_URL", "without user"]),
        ({"CHATBOT_CONFIG": "absent.toml"}, ["CHATBOT_CONFIG", "absent.toml"]),
        ({"HOST": "0.0.0.0"}, ["HOST is 0.0.0.0", "CHATBOT_MOCK=1"]),
        ({"CHATBOT_API_KEYS": "short"}, ["CHATBOT_API_KEYS", "16"]),
    ],
)
def test_a_wrong_setting_stops_the_start_with_one_line(make_settings, environ, says):
    with pytest.raises(SettingsError) as error:
        make_settings(**environ)
    assert "\n" not in str(error.value)
    for part in says:
        assert part in str(error.value)


def test_a_wrong_secret_is_not_quoted(make_settings):
    with pytest.raises(SettingsError) as error:
        make_settings(CHATBOT_API_KEYS="hunter2")
    assert "hunter2" not in str(error.value)


def test_the_mock_may_be_asked_for_off_loopback(make_settings):
    assert make_settings(HOST="0.0.0.0", CHATBOT_MOCK="1").uses_mock


def test_the_env_file_is_read_and_the_environment_wins(tmp_path):
    (tmp_path / ".env").write_text("PORT=9000\nCHATBOT_MODEL='from file'\n")
    settings = load_settings({"PORT": "9001"})
    assert (settings.port, settings.model) == (9001, "from file")


def test_an_unknown_name_in_the_env_file_names_the_file(tmp_path):
    (tmp_path / ".env").write_text("CHATBOT_HOST=a\n")
    with pytest.raises(SettingsError, match=r"\.env: no such setting. Did you mean CHATBOT_HOSTS"):
        load_settings({})


def test_secrets_never_print(make_settings):
    settings = make_settings(OPENAI_API_KEY="sk-canary-canary", CHATBOT_API_KEYS="canary" * 4)
    assert "canary" not in f"{settings} {settings!r} {settings.openai_api_key:>20}"
    assert settings.openai_api_key.reveal() == "sk-canary-canary"
    assert settings.openai_api_key == Secret("sk-canary-canary")


def test_a_key_alone_means_openai(make_settings):
    (provider,) = make_settings(OPENAI_API_KEY="sk-x").providers
    assert (provider.name, provider.base_url) == ("openai", "https://api.openai.com/v1")


def test_toml_providers_and_routes(toml):
    settings = toml(TOML)
    assert settings.providers[0].base_url == "https://api.example/v1"
    assert settings.providers[0].api_key.reveal() == "k" * 20
    assert settings.providers[0].timeouts.first_token == 7
    assert settings.routes[0].timeouts == {"idle": 3}


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("base_url", "base_ulr", "provider 1: unknown key base_ulr. Did you mean base_url?"),
        ("first_token", "frist_token", "Did you mean first_token?"),
        ("first_token = 7", "first_token = 0", "seconds above 0"),
        ("[[route]]", "[[rout]]", "unknown key rout. Did you mean route?"),
        ("MY_KEY", "MY_KEE", "MY_KEE, which is not set"),
        ("openai/*", "opnai/*", "no provider opnai. Did you mean openai?"),
        ('"openai/*"', '"openai"', "is not provider/model"),
        ("[[provider]]", "[[provider", "c.toml"),
    ],
)
def test_a_wrong_toml_names_file_key_and_the_nearest_known(toml, old, new, says):
    with pytest.raises(SettingsError) as error:
        toml(TOML.replace(old, new, 1))
    assert says in str(error.value)
    assert "c.toml" in str(error.value)


def test_a_short_secret_key_is_refused_without_being_shown(make_settings):
    with pytest.raises(SettingsError) as error:
        make_settings(CHATBOT_SECRET_KEY="hunter2hunter2")
    assert "32 characters" in str(error.value)
    assert "hunter2" not in str(error.value)
