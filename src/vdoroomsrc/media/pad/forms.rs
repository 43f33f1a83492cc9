// SPDX-License-Identifier: MPL-2.0
//! Which of the forms of its codec a consumer is given.

/// Answers what caps are wanted in our order of preference: where a consumer takes several forms of a
/// codec, or there is none, h264parse would otherwise keep the depayloader's.
pub(super) fn answer(
    forms: &gst::Caps,
    pad: &gst::ProxyPad,
    parent: Option<&gst::Object>,
    query: &mut gst::QueryRef,
) -> bool {
    if let gst::QueryViewMut::AcceptCaps(accept) = query.view_mut() {
        // A consumer's "no" would end the connection; here it is heard when it refuses the first
        // buffer, which ends nothing.
        let accepts = accept.caps().can_intersect(forms);
        accept.set_result(accepts);
        return true;
    }
    let answered = gst::Pad::query_default(pad, parent, query);
    if answered && let gst::QueryViewMut::Caps(caps) = query.view_mut() {
        let wanted = caps.result_owned().unwrap_or_else(gst::Caps::new_any);
        let preferred = forms.intersect_with_mode(&wanted, gst::CapsIntersectMode::First);
        let taken = if preferred.is_empty() {
            forms
        } else {
            &preferred
        };
        caps.set_result(taken);
    }
    answered
}
