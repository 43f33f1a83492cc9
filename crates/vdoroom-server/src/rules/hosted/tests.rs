// SPDX-License-Identifier: MPL-2.0
use super::*;

fn say(rules: &mut Hosted, id: SocketId, json: Value) -> Vec<Effect> {
    rules.message(id, &json.to_string(), Leniency::default())
}

#[test]
fn who_asks_for_streams_that_never_come_fills_nothing() {
    let mut rules = Hosted::new(Limits::default());
    rules.connected(1, Network::default());
    rules.connected(2, Network::default());
    for n in 0..10 * MAX_WAITING {
        let play = json!({"request": "play", "streamID": format!("random{n}")});
        say(&mut rules, 1, play);
    }
    let long = "x".repeat(MAX_NAME + 1);
    say(&mut rules, 1, json!({"request": "play", "streamID": long}));
    assert_eq!(rules.sizes(), [2, 0, MAX_WAITING, 0]);
    let newest = format!("random{}", 10 * MAX_WAITING - 1);
    let asked = say(
        &mut rules,
        2,
        json!({"request": "seed", "streamID": newest}),
    );
    assert!(
        matches!(&asked[0], Effect::Send { to: 2, text, .. } if text.contains("offerSDP")),
        "the newest wish is remembered: {asked:?}"
    );
    rules.disconnected(1, Leniency::default());
    rules.disconnected(2, Leniency::default());
    assert_eq!(rules.sizes(), [0; 4]);
}

#[test]
fn of_those_who_left_nothing_stays() {
    let mut rules = Hosted::new(Limits::default());
    for id in 0..100 {
        rules.connected(id, Network::default());
        let room = format!("r{}", id % 7);
        say(
            &mut rules,
            id,
            json!({"request": "joinroom", "roomid": room, "claim": true}),
        );
        say(
            &mut rules,
            id,
            json!({"request": "seed", "streamID": format!("s{id}")}),
        );
        say(
            &mut rules,
            id,
            json!({"request": "play", "streamID": "never"}),
        );
        rules.transfer(id, "elsewhere");
    }
    assert_eq!(rules.sizes(), [100, 100, 100, 1]);
    for id in 0..100 {
        rules.disconnected(id, Leniency::default());
        rules.disconnected(id, Leniency::default());
        say(
            &mut rules,
            id,
            json!({"request": "joinroom", "roomid": "late"}),
        );
    }
    assert_eq!(rules.sizes(), [0; 4]);
}
