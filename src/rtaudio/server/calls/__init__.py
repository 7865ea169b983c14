"""Calls over WebRTC: peers, their events and their sound."""
