"""Other people's SIP software as processes: PJSIP (`softphone`), baresip and SIPp."""
