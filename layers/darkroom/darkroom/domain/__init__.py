"""The words of the contract: what is asked, what is answered, and the numbers that hold."""
