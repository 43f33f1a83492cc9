// SPDX-License-Identifier: MPL-2.0
//! Time in a file is that of the publisher, whatever the network does to the time of arrival.

use std::time::Duration;

use vdoroom_testkit::netns::Impairment;

use crate::scene::Scene;

const RATE: u64 = 15;
const NEAR: Duration = Duration::from_millis(30);

fn after(delay: Duration) -> Impairment {
    Impairment {
        delay,
        ..Impairment::default()
    }
}

/// Records a guest for so many seconds over each of these networks, one after the other.
fn is_whole_over(networks: &[(Impairment, u64)]) {
    let Some(scene) = Scene::new() else {
        return;
    };
    let (recorder, relay) = scene.internet.host_over("recorder", networks[0].0);
    let home = scene.internet.host("alice");
    let alice = scene.publish(&home, "alice", |alice| alice.frame_rate(RATE as u32));
    let mut recording = scene.record(&recorder, |_| {});
    let mut frames = 0;
    for (network, seconds) in networks {
        relay.set(*network);
        frames += seconds * RATE;
        recording.wait_for_frames(&["alice"], frames);
    }
    // Speed, capture times and lip sync are among what makes it whole.
    recording.finish_complete(&[("alice", &alice)]);
}

#[test]
fn a_network_whose_delay_rises_and_falls_for_good_changes_no_time() {
    let far = NEAR + Duration::from_millis(300);
    is_whole_over(&[(after(NEAR), 5), (after(far), 12), (after(NEAR), 8)]);
}

#[test]
fn a_network_with_much_jitter_changes_no_time() {
    let jitter = Impairment {
        jitter: Duration::from_millis(50),
        ..after(NEAR)
    };
    is_whole_over(&[(jitter, 12)]);
}
