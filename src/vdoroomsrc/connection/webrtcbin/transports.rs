// SPDX-License-Identifier: MPL-2.0
//! The transports of a webrtcbin: all is bundled, so there is one.

use gst::glib;
use gst::prelude::*;
use gst_webrtc::{WebRTCDTLSTransport, WebRTCRTPTransceiver};

use crate::vdoroomsrc::connection::alive::Heard;

pub(super) fn first(webrtcbin: &gst::Element) -> Option<WebRTCDTLSTransport> {
    let media = || {
        let first =
            webrtcbin.emit_by_name::<Option<WebRTCRTPTransceiver>>("get-transceiver", &[&0i32]);
        first?.receiver()?.transport()
    };
    of_channel(webrtcbin).or_else(media)
}

pub(super) fn of_channel(webrtcbin: &gst::Element) -> Option<WebRTCDTLSTransport> {
    let sctp = webrtcbin
        .property::<Option<gst::Object>>("sctp-transport")
        .filter(|sctp| sctp.has_property("transport"));
    sctp.and_then(|sctp| sctp.property("transport"))
}

/// What the publisher has shown, in DER.
pub(super) fn certificate(transport: &WebRTCDTLSTransport) -> Option<Vec<u8>> {
    der(&transport.remote_certificate()?)
}

/// The first certificate of a PEM text (RFC 7468).
fn der(pem: &str) -> Option<Vec<u8>> {
    let (_, rest) = pem.split_once("-----BEGIN CERTIFICATE-----")?;
    let (base64, _) = rest.split_once("-----END CERTIFICATE-----")?;
    let der = glib::base64_decode(base64);
    (!der.is_empty()).then_some(der)
}

/// Listens to what ICE lets through, which begins now.
pub(super) fn listen(webrtcbin: &gst::Element) -> Heard {
    let heard = Heard::new();
    let Some(bin) = webrtcbin.downcast_ref::<gst::Bin>() else {
        return heard;
    };
    let to = heard.clone();
    bin.connect_deep_element_added(move |_, _, element| {
        let is_source = element.factory().is_some_and(|f| f.name() == "nicesrc");
        if let Some(pad) = element.static_pad("src").filter(|_| is_source) {
            let to = to.clone();
            let packets = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
            pad.add_probe(packets, move |_, _| {
                to.note();
                gst::PadProbeReturn::Ok
            });
        }
    });
    heard
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_certificate_of_a_pem_text_is_read() {
        let pem = "-----BEGIN CERTIFICATE-----\nAQID\nBAU=\n-----END CERTIFICATE-----\n";
        assert_eq!(der(&(pem.to_owned() + pem)), Some(vec![1, 2, 3, 4, 5]));
    }

    #[test]
    fn a_text_without_a_certificate_has_none() {
        for text in ["", "AQID", "-----BEGIN CERTIFICATE-----\nAQID"] {
            assert_eq!(der(text), None, "{text:?}");
        }
    }
}
