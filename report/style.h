// The style of pages and drawings: CSS, constant. Colours are variables that follow the reader's colour scheme.
#ifndef REPORT_STYLE_H
#define REPORT_STYLE_H

extern const char style_colours[]; // the variables, for both schemes: first in every <style>
extern const char style_page[];    // of the elements that report/html.h names
extern const char style_drawing[]; // of the classes in the drawings

#endif
