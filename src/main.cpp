// argv to one command to an exit code. The only file that knows CLI11.
int main() { return 0; }
