"""Talks with bots: transcripts of several platforms, and the tickets in them."""

from connector.sources.chatbot.source import Chatbot, ChatbotSettings

__all__ = ["Chatbot", "ChatbotSettings"]
