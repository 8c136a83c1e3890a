from pathlib import Path

import pytest

from engine.config import Config, ConfigError, load_config, options, variable
from transport.limits import METHOD_RATES, Rate


def write(folder: Path, text: str) -> Path:
    file = folder / "greenroom.toml"
    file.write_text(text)
    return file


def test_defaults_hold_without_any_source():
    assert load_config(None, {}, {}) == Config()


def test_flags_win_over_variables_over_file(tmp_path):
    file = write(tmp_path, 'host = "file"\nport = 1\nlog_level = "debug"\n')
    environment = {"GREENROOM_HOST": "variable", "GREENROOM_PORT": "2"}
    config = load_config(file, environment, {"port": 3, "host": None})
    assert (config.host, config.port, config.log_level) == ("variable", 3, "debug")


def test_a_section_is_read_from_file_and_variables(tmp_path):
    file = write(tmp_path, "[media]\nworkers = 4\nport = 40000\n")
    config = load_config(file, {"GREENROOM_MEDIA_WORKERS": "2"}, {})
    assert (config.media.workers, config.media.port) == (2, 40000)


def test_several_keys_allow_rotation():
    config = load_config(None, {"GREENROOM_KEY": "a:one, b:two:with:colons"}, {})
    assert config.key == ("a:one", "b:two:with:colons")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("prot = 1", "unknown option prot"),
        ("[media]\nseats = 1", "unknown option media.seats"),
        ('port = "1"', "port must be of type int, not str"),
        ("port = 70000", "port must be between 0 and 65535"),
        ("media = 1", "media must be a table"),
        ('key = ["nosecret"]', "KEY:SECRET"),
        ('certificate = "a.pem"', "certificate and private_key go together"),
        ('log_level = "loud"', "log_level must be"),
        ("[media]\nworkers = -1", "media.workers must not be negative"),
        ("[media]\nworkers = 2\nport = 65535", "media.port must leave each worker a port"),
        ('[media]\nfan_out = "cuda"', "media.fan_out must be auto or python"),
        ('[media]\nhosts = ["localhost"]', "media.hosts: 'localhost' is not an IP address"),
        ('[media]\naddresses = ["a.example"]', "media.addresses: 'a.example' is not an IP"),
        ("key = [1]", r"key\[0\] must be of type str"),
        ('key = "k:s"', "key must be a list"),
        ('[limits]\nrate = "fast"', "limits.rate is written"),
        ('[limits]\nrate = "0/5"', "limits.rate must let something through"),
        ('[[webhook]]\nsecret = "s"', r"webhook\[0\].url is missing"),
        ("= 1", "is not TOML"),
    ],
)
def test_a_wrong_file_is_refused_with_the_option_named(tmp_path, text, complaint):
    with pytest.raises(ConfigError, match=complaint):
        load_config(write(tmp_path, text), {}, {})


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("GREENROOM_PORT", "many", "not a number"),
        ("GREENROOM_DRAIN_SECONDS", "soon", "not a number"),
    ],
)
def test_a_wrong_variable_is_refused_by_its_name(name, text, complaint):
    with pytest.raises(ConfigError, match=f"{name}.*{complaint}"):
        load_config(None, {name: text}, {})


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(ConfigError, match="No such file"):
        load_config(tmp_path / "none.toml", {}, {})


def test_every_option_is_explained_and_has_a_variable():
    for option in options():
        assert option.help.endswith("."), option.name
        assert variable(option.name).startswith("GREENROOM_")


def test_limits_are_options_too(tmp_path):
    text = """
    [limits]
    message_bytes = 1000
    rate = "5/10"
    origins = ["https://fair.example"]
    [limits.method_rates]
    "chat.send" = "1/2"
    """
    limits = load_config(write(tmp_path, text), {"GREENROOM_LIMITS_DEPTH": "4"}, {}).limits
    assert (limits.message_bytes, limits.depth) == (1000, 4)
    assert limits.rate == Rate(5, 10)
    assert limits.origins == {"https://fair.example"}
    assert limits.method_rates["chat.send"] == Rate(1, 2)
    assert limits.method_rates["qa.ask"] == METHOD_RATES["qa.ask"]


def test_a_table_in_a_variable_is_written_as_it_is_explained():
    variables = {
        "GREENROOM_LIMITS_METHOD_RATES": "chat.send 1/2, qa.ask 3/4",
        "GREENROOM_LIMITS_TEXT_LENGTHS": "chat.send.text 500",
    }
    limits = load_config(None, variables, {}).limits
    assert (limits.method_rates["chat.send"], limits.method_rates["qa.ask"]) == (
        Rate(1, 2),
        Rate(3, 4),
    )
    assert limits.text_lengths == {"chat.send.text": 500}
    for wrong in ("chat.send", "chat.send 1/2 3", "chat.send=1/2"):
        with pytest.raises(ConfigError, match="GREENROOM_LIMITS_METHOD_RATES is written"):
            load_config(None, {"GREENROOM_LIMITS_METHOD_RATES": wrong}, {})


def test_webhooks_may_stand_in_a_variable_with_their_events_behind():
    text = "https://crm.example/hook one session.started session.ended, https://other.example two"
    first, other = load_config(None, {"GREENROOM_WEBHOOK": text}, {}).webhook
    assert (first.url, first.secret) == ("https://crm.example/hook", "one")
    assert first.events == ("session.started", "session.ended")
    assert (other.url, other.secret, other.events) == ("https://other.example", "two", ())
    assert load_config(None, {"GREENROOM_WEBHOOK": ""}, {}).webhook == ()
    with pytest.raises(ConfigError, match='GREENROOM_WEBHOOK is written "URL SECRET EVENT'):
        load_config(None, {"GREENROOM_WEBHOOK": "https://crm.example/hook"}, {})


def test_webhooks_are_tables(tmp_path):
    text = """
    [[webhook]]
    url = "https://crm.example/hook"
    secret = "s"
    events = ["session.started"]
    """
    (webhook,) = load_config(write(tmp_path, text), {}, {}).webhook
    assert (webhook.url, webhook.events) == ("https://crm.example/hook", ("session.started",))


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ('"chat.send.text" = 5000', "limits.text_lengths.chat.send.text must be from 1 to 4000"),
        ('"chat.send.text" = 0', "must be from 1 to 4000"),
        ('"chat.send.text" = "1"', "must be from 1 to 4000"),
        ('"chat.send.colour" = 5', 'no text is called "chat.send.colour"'),
        ('"session.start.session" = 5', None),
        ('"qa.ask.anonymous" = 5', "no text is called"),
    ],
)
def test_lengths_of_texts_may_be_less_than_the_rules_allow(tmp_path, table, why):
    file = tmp_path / "greenroom.toml"
    file.write_text(f"[limits.text_lengths]\n{table}\n")
    if why is None:
        assert load_config(file, {}, {}).limits.text_lengths == {"session.start.session": 5}
        return
    with pytest.raises(ConfigError) as error:
        load_config(file, {}, {})
    assert why in str(error.value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("data = 5", "data must be a path, not int"),
        ("[limits]\nconnections = -1", "limits.connections must be more than 0"),
        ("[limits]\nping_seconds = 0", "limits.ping_seconds must be more than 0"),
        ("[limits]\nhead_seconds = nan", "limits.head_seconds must be more than 0"),
        ("drain_seconds = inf", "drain_seconds must be 0 or more, and end"),
        ('[limits.method_rates]\n"chat.send" = "nan/10"', "must let something through"),
        ('traces = "nonsense"', "traces must be written http://HOST"),
        ('[[webhook]]\nurl = "http://a..b"\nsecret = "s"', "webhook[0].url must be written"),
        ('[[webhook]]\nurl = "http://h/ü"\nsecret = "s"', "webhook[0].url must be written"),
        ('[[webhook]]\nurl = "ftp://x"\nsecret = "s"', "webhook[0].url must be written"),
        ('[[webhook]]\nurl = "http://x:99999"\nsecret = "s"', "webhook[0].url must be written"),
        ('[[webhook]]\nurl = "http://x"\nsecret = ""', "webhook[0].secret is empty"),
        (
            '[[webhook]]\nurl = "http://x"\nsecret = "s"\nevents = ["sesion.started"]',
            "nothing is called sesion.started; there are meeting.approved",
        ),
    ],
)
def test_a_value_that_makes_no_sense_is_told_by_its_name(tmp_path, text, why):
    file = tmp_path / "greenroom.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as error:
        load_config(file, {}, {})
    assert why in str(error.value)
    assert "\n" not in str(error.value)
