"""Will this flight be more than 15 minutes late?"""

import lightgbm as lgb
import polars as pl

import ondol as od

LATE = "arr_delay > 15"

flights = od.dataset(
    "flights", source=od.csv("data/flights/*.csv"), key="flight_id", time="departs_at", known_at="known_at",
    columns={"flight_id": "string", "carrier": "string", "tailnum": "string", "origin": "string", "dest": "string",
             "local_date": "date", "hour": "integer", "minute": "integer", "distance": "double", "arr_delay": "double",
             "departs_at": "timestamp", "known_at": "timestamp"},
    partition="month", where="arr_delay is not null", owner="operations", description="Departures from New York City.",
    descriptions={"carrier": "the airline, two letters", "arr_delay": "minutes late at the gate, below 0 when early"},
    contract=[od.unique("flight_id"), od.not_null("carrier"), od.between("distance", 1, 6000), od.fresh("3d")],
)  # fmt: skip
weather = od.dataset(
    "weather", source=od.csv("data/weather/*.csv"), key=["origin", "time"], time="time", known_at="known_at",
    columns={"origin": "string", "temp": "double", "dewp": "double", "humid": "double", "wind_dir": "double",
             "wind_speed": "double", "precip": "double", "pressure": "double", "visib": "double",
             "time": "timestamp", "known_at": "timestamp"},
    partition="month", contract=[od.unique("origin", "time"), od.between("wind_speed", 0, 200)], owner="operations",
)  # fmt: skip
planes = od.dataset("planes", source=od.csv("data/planes.csv"), key="tailnum", time="since", owner="fleet",
                    columns={"tailnum": "string", "built": "double", "seats": "double", "since": "timestamp"},
                    contract=[od.unique("tailnum"), od.between("seats", 1, 900)])  # fmt: skip

measured = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "precip", "pressure", "visib"]
weather_now = od.feature_view("weather_now", entity="origin", dataset=weather, ttl="3h", features=measured)
late = od.mean(LATE, window="7d")
carrier_late = od.feature_view("carrier_late", entity="carrier", dataset=flights, features={"carrier_late_7d": late},
                               descriptions={"carrier_late_7d": "share of late arrivals of the carrier"})  # fmt: skip
route_late = od.feature_view("route_late", entity=["origin", "dest"], dataset=flights, features={"route_late_7d": late})
plane = od.feature_view("plane", entity="tailnum", dataset=planes, features=["2013 - built as plane_age", "seats"])
weekday = "extract(isodow from local_date) as weekday"
schedule = od.row_features("schedule", ["hour * 60 + minute as minute_of_day", weekday, "distance"])
views = [weather_now, carrier_late, route_late, plane, schedule]
inputs = od.feature_service("flight_inputs", views, dataset=flights, label=LATE)


@od.step
def train(rows: pl.DataFrame, leaves: int = 31, rounds: int = 60, seed: int = 7) -> lgb.Booster:
    data = lgb.Dataset(rows.select(inputs.features).to_numpy(), rows["label"].to_numpy(), feature_name=inputs.features)
    settings = {
        "objective": "binary", "num_leaves": leaves, "learning_rate": 0.1, "min_data_in_leaf": 200, "lambda_l2": 5,
        "feature_fraction": 0.8, "bagging_fraction": 0.8, "bagging_freq": 1, "max_bin": 127, "num_threads": 2,
        "seed": seed, "deterministic": True, "force_row_wise": True, "verbose": -1,
    }  # fmt: skip
    return lgb.train(settings, data, num_boost_round=rounds)


@od.step
def evaluate(model: lgb.Booster, rows: pl.DataFrame) -> dict[str, float]:
    return od.classification_scores(rows["label"], model.predict(rows.select(inputs.features).to_numpy()))


@od.pipeline
def training() -> None:
    checked = od.validate(od.ingest(flights, weather, planes))
    old, newest = od.split(od.training_set(inputs, after=checked), newest="14d")
    model = train(old)
    candidate = od.candidate("flight-delay", model, evaluate(model, newest))
    od.deploy(od.gate(candidate, newest), to="flight-delay")


@od.pipeline
def careless() -> None:
    """What a tired person might do on a Friday: mix up the labels, and skip the gate."""
    model = train(od.training_set(inputs).with_columns(pl.col("label").shuffle(seed=1)))
    od.deploy(od.candidate("flight-delay", model), to="flight-delay", past_the_gate=True)


delay = od.model("flight-delay", trained_by=training, owner="operations", intended_use="warn passengers of delays",
                 gate=[od.at_least("auc", 0.65), od.better("auc", p=0.05)])  # fmt: skip
live = od.endpoint("flight-delay", model=delay, features=inputs, rollout=["10% for 14d", "100%"],
                   rollback_if=["error_rate > 1%", "auc worse than champion"])  # fmt: skip
od.monitor(live, labels=flights, every="7d", window="28d", strikes=3, drift_features=3, psi_limit=0.5,
           on_drift=training, cooldown="35d")  # fmt: skip
